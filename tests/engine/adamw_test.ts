import { assertEquals, assertThrows } from "@std/assert";
import { type FloatTensor, scalar, tensor } from "../../lib/core/tensor.ts";
import { grad } from "../../lib/engine/autodiff.ts";
import { input } from "../../lib/engine/graph.ts";
import { adamw, adamwOp } from "../../lib/engine/ops/adamw.ts";
import { sum } from "../../lib/engine/ops/reductions.ts";
import { assertClose, assertLikeReference, gpuTest, normalTensor } from "./op_checks.ts";

const OPTIONS = { beta1: 0.9, beta2: 0.999, eps: 1e-8 };

/** The operands of step `t` for `count` parameters. */
function operands(seed: number, count: number, t: number): FloatTensor[] {
  const v = normalTensor(seed, "v", [count]).data.map((value) => value * value);
  return [
    normalTensor(seed, "param", [count]),
    normalTensor(seed, "m", [count]),
    tensor([count], v),
    normalTensor(seed, "grad", [count]),
    scalar(0.7),
    tensor([4], [1e-2, 1e-1, 1 - OPTIONS.beta1 ** t, 1 - OPTIONS.beta2 ** t]),
  ];
}

gpuTest("adamw is that of the reference, whatever the length", async (harness) => {
  for (const target of [harness.target, { software: false }]) {
    for (const [seed, count] of [4, 3, 1021, 20_000].entries()) {
      await assertLikeReference(
        { ...harness, target },
        adamwOp,
        operands(seed, count, 3),
        OPTIONS,
        1e-5,
        `seed ${seed}`,
      );
    }
  }
});

Deno.test("the first step of adamw moves each parameter by the learning rate against its gradient", () => {
  const zeros = tensor([3], [0, 0, 0]);
  const [param, m, v] = adamwOp.reference([
    tensor([3], [1, 2, 3]),
    zeros,
    zeros,
    tensor([3], [5, -0.25, 0]),
    scalar(2),
    tensor([4], [0.1, 0.5, 1 - OPTIONS.beta1, 1 - OPTIONS.beta2]),
  ], OPTIONS);
  assertClose(param!, tensor([3], [1 * 0.95 - 0.1, 2 * 0.95 + 0.1, 3 * 0.95]), 1e-6, "param");
  assertClose(m!, tensor([3], [1, -0.05, 0]), 1e-6, "m");
  assertClose(v!, tensor([3], [0.1, 0.00025, 0]), 1e-6, "v");
});

Deno.test("adamw refuses operands that do not fit, and derivatives", () => {
  const [param, m, v, slope] = ["param", "m", "v", "grad"].map((name) => input(name, [6]));
  const scale = input("scale", []);
  const hyper = input("hyper", [4]);
  const given = { param: param!, m: m!, v: v!, grad: slope!, scale, hyper };
  assertThrows(() => adamw({ ...given, m: input("m", [5]) }, OPTIONS), TypeError, "f32[5]");
  const after = adamw(given, OPTIONS);
  assertEquals(after.param.shape, [6]);
  assertThrows(() => grad(sum(after.param), [param!]), TypeError, "not differentiable");
});

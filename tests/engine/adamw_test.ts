import { assertEquals, assertThrows } from "@std/assert";
import { scalar, tensor } from "../../lib/core/tensor.ts";
import { grad } from "../../lib/engine/autodiff.ts";
import { input } from "../../lib/engine/graph.ts";
import { adamw, adamwOp } from "../../lib/engine/ops/adamw.ts";
import { sum } from "../../lib/engine/ops/reductions.ts";
import { assertClose } from "./op_checks.ts";

const OPTIONS = { beta1: 0.9, beta2: 0.999, eps: 1e-8 };

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

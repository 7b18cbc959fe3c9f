import { assertEquals, assertThrows } from "@std/assert";
import { words } from "../../lib/core/tensor.ts";
import { input } from "../../lib/engine/graph.ts";
import { randomOp, randomUniform } from "../../lib/engine/ops/random.ts";
import { runOp } from "../gpu_harness.ts";
import { gpuTest, wordTensor } from "./op_checks.ts";

/** Whole blocks, a rest, and enough to meet words of every size. */
const SHAPES = [[8], [3], [5, 7], [200_000]];

gpuTest("uniform numbers have the bits of the CPU's", async (harness) => {
  for (const [seed, shape] of SHAPES.entries()) {
    const key = wordTensor(seed, "key", [2], 2 ** 32);
    const attrs = { shape, distribution: "uniform" } as const;
    assertEquals(
      await runOp(harness, randomOp, [key], attrs),
      randomOp.reference([key], attrs),
      `seed ${seed}`,
    );
  }
});

gpuTest("keys of extreme words give the CPU's bits", async (harness) => {
  const attrs = { shape: [64], distribution: "uniform" } as const;
  for (const pair of [[0, 0], [0xffffffff, 0xffffffff], [0xffff, 0xffff0000]]) {
    const key = words([2], pair);
    assertEquals(
      await runOp(harness, randomOp, [key], attrs),
      randomOp.reference([key], attrs),
      `key ${pair}`,
    );
  }
});

Deno.test("random refuses a key that is not two words", () => {
  assertThrows(() => randomUniform(input("key", [3], "u32"), [4]), TypeError, "u32[3]");
});

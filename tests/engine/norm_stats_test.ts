import { assertEquals, assertThrows } from "@std/assert";
import { type FloatTensor, tensor } from "../../lib/core/tensor.ts";
import { input } from "../../lib/engine/graph.ts";
import { normStats, normStatsOp } from "../../lib/engine/ops/norm_stats.ts";
import { type Harness, runOp } from "../gpu_harness.ts";
import { assertGradient, assertLikeReference, gpuTest, normalTensor, pick } from "./op_checks.ts";

/** Groups of 4, 2 and 1 channels and odd ones, layer norm, and positions in several chunks with a rest. */
const CASES = [
  { shape: [3, 64, 32], groups: 8 },
  { shape: [2, 50, 16], groups: 8 },
  { shape: [2, 10, 6], groups: 6 },
  { shape: [1, 33, 30], groups: 2 },
  { shape: [70, 1, 96], groups: 1 },
  { shape: [2, 1025, 32], groups: 4 },
  { shape: [1, 3001, 10], groups: 5 },
] as const;

async function check(harness: Harness): Promise<void> {
  for (const [seed, { shape, groups }] of CASES.entries()) {
    await assertLikeReference(
      harness,
      normStatsOp,
      [shifted(seed, shape)],
      { groups, eps: 1e-5 },
      1e-5,
      `seed ${seed}`,
    );
  }
}

/** Normal numbers around 3, so that a careless variance would show. */
function shifted(seed: number, shape: readonly number[]): FloatTensor {
  return tensor(shape, Float32Array.from(normalTensor(seed, "x", shape).data, (value) => value + 3));
}

gpuTest("norm_stats is that of the reference", check);

gpuTest(
  "norm_stats as generated for a GPU is that of the reference",
  ({ device }) => check({ device, target: { software: false } }),
);

gpuTest("norm_stats of random shapes is that of the reference", async (harness) => {
  for (const seed of [11, 12, 13]) {
    const groups = pick(seed, "groups", 1, 6);
    const shape = [
      pick(seed, "batch", 1, 4),
      pick(seed, "positions", 1, 300),
      groups * pick(seed, "width", 1, 9),
    ];
    await assertLikeReference(
      harness,
      normStatsOp,
      [shifted(seed, shape)],
      { groups, eps: 1e-5 },
      1e-5,
      `seed ${seed}`,
    );
  }
});

gpuTest("norm_stats gives an element the same bits alone and in a batch", async (harness) => {
  const attrs = { groups: 4, eps: 1e-5 };
  const x = normalTensor(3, "x", [6, 1000, 16]);
  const last = (t: FloatTensor) =>
    tensor([1, ...t.shape.slice(1)], t.data.slice(-t.data.length / 6) as Float32Array<ArrayBuffer>);
  const together = await runOp(harness, normStatsOp, [x], attrs);
  assertEquals(await runOp(harness, normStatsOp, [last(x)], attrs), (together as FloatTensor[]).map(last));
});

Deno.test("norm_stats' gradient is that of central differences", () => {
  assertGradient(
    ({ x }) => {
      const { mean, rstd } = normStats(x!, { groups: 2, eps: 1e-3 });
      return [mean, rstd];
    },
    { x: normalTensor(4, "x", [2, 5, 6]) },
    4,
  );
});

Deno.test("norm_stats refuses channels that do not divide", () => {
  assertThrows(() => normStats(input("x", [1, 2, 6]), { groups: 4, eps: 1e-5 }), TypeError, "f32[1, 2, 6]");
});

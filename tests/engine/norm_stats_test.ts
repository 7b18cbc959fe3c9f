import { assertEquals, assertThrows } from "@std/assert";
import { type FloatTensor, tensor } from "../../lib/core/tensor.ts";
import { input } from "../../lib/engine/graph.ts";
import { normStats, normStatsOp } from "../../lib/engine/ops/norm_stats.ts";
import { runOp } from "../gpu_harness.ts";
import { assertLikeReference, gpuTest, normalTensor } from "./op_checks.ts";

gpuTest("norm_stats loses no digits where the mean is far from 0", async (harness) => {
  for (const shape of [[2, 50, 16], [1, 3001, 8]]) {
    const x = tensor(shape, normalTensor(1, "x", shape).data.map((value) => value + 100));
    await assertLikeReference(harness, normStatsOp, [x], { groups: 4, eps: 1e-5 }, 1e-4, "seed 1");
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

Deno.test("norm_stats refuses channels that do not divide", () => {
  assertThrows(() => normStats(input("x", [1, 2, 6]), { groups: 4, eps: 1e-5 }), TypeError, "f32[1, 2, 6]");
});

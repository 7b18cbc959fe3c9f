import { assertThrows } from "@std/assert";
import { tensor, words } from "../../lib/core/tensor.ts";
import { input } from "../../lib/engine/graph.ts";
import {
  bytesToLevels,
  bytesToLevelsOp,
  resampleBytes,
  resampleBytesOp,
} from "../../lib/engine/ops/bytes.ts";
import { assertLikeReference, gpuTest } from "./op_checks.ts";

gpuTest("bytes are resampled alike with weights below 0 and sums beyond both ends", async (harness) => {
  const x = tensor([2, 4, 5], Array.from({ length: 40 }, (_, i) => [255, 0, 255, 3, 128, 7, 1][i % 7]!));
  const weights = [[0.6, 0.5], [-0.1, 1.1], [1.7, -0.7], [0.5, 0.5], [-1, 0]];
  const windows = words(
    [5, 3],
    weights.flatMap(([a, b], i) => [i % 3, Math.round(a! * 2 ** 22), Math.round(b! * 2 ** 22)]),
  );
  for (const axis of [1, 2]) {
    await assertLikeReference(harness, resampleBytesOp, [x, windows], { axis }, 0, `axis ${axis}`);
  }
  const levels = tensor([256, 5], Array.from({ length: 1280 }, (_, i) => Math.sin(i)));
  await assertLikeReference(harness, bytesToLevelsOp, [x, levels], {}, 0, "levels");
});

Deno.test("windows and tables that do not fit are refused", () => {
  const x = input("x", [2, 4, 3]);
  assertThrows(() => resampleBytes(x, input("windows", [3, 6], "u32"), 1), TypeError, "u32[3, 6]");
  assertThrows(() => resampleBytes(x, input("windows", [3, 3]), 1), TypeError, "f32[3, 3]");
  assertThrows(() => bytesToLevels(x, input("levels", [256, 4])), TypeError, "[256, 4]");
  const late = words([1, 3], [3, 1, 1]);
  assertThrows(
    () => resampleBytesOp.reference([tensor([4], [0, 0, 0, 0]), late], { axis: 0 }),
    RangeError,
    "2 from 3",
  );
});

import { assertEquals, assertThrows } from "@std/assert";
import { words } from "../../lib/core/tensor.ts";
import { input } from "../../lib/engine/graph.ts";
import { gather, gatherGradOp, gatherOp } from "../../lib/engine/ops/gather.ts";
import { runOp } from "../gpu_harness.ts";
import { assertGradient, assertLikeReference, gpuTest, normalTensor, pick, wordTensor } from "./op_checks.ts";

/** Widths of vectors and of scalars, of one part and of several with a rest; counts of four and odd ones. */
const CASES = [
  { rows: 11, width: 96, ids: [4, 16] },
  { rows: 7, width: 36, ids: [5] },
  { rows: 3, width: 4, ids: [8] },
  { rows: 5, width: 7, ids: [3, 3] },
  { rows: 2, width: 21, ids: [12] },
];

gpuTest("gather and its gradient are those of the reference", async (harness) => {
  for (const [seed, { rows, width, ids }] of CASES.entries()) {
    const table = normalTensor(seed, "table", [rows, width]);
    const which = wordTensor(seed, "ids", ids, rows);
    const ct = normalTensor(seed, "ct", [...ids, width]);
    await assertLikeReference(harness, gatherOp, [table, which], {}, 0, `seed ${seed}`);
    await assertLikeReference(harness, gatherGradOp, [which, ct], { rows }, 1e-6, `seed ${seed}`);
  }
});

gpuTest("gather of random shapes is that of the reference", async (harness) => {
  for (const seed of [21, 22, 23]) {
    const [rows, width, count] = ["rows", "width", "count"].map((tag) => pick(seed, tag, 1, 70));
    const which = wordTensor(seed, "ids", [count!], rows!);
    const ct = normalTensor(seed, "ct", [count!, width!]);
    await assertLikeReference(
      harness,
      gatherOp,
      [normalTensor(seed, "t", [rows!, width!]), which],
      {},
      0,
      `seed ${seed}`,
    );
    await assertLikeReference(harness, gatherGradOp, [which, ct], { rows: rows! }, 1e-6, `seed ${seed}`);
  }
});

gpuTest(
  "gather clamps ids beyond the table on the GPU, where the reference refuses them",
  async (harness) => {
    const table = normalTensor(1, "table", [3, 4]);
    const ids = words([2], [7, 4294967295]);
    const [out] = await runOp(harness, gatherOp, [table, ids], {});
    assertEquals([...out!.data as Float32Array], [...table.data.slice(8), ...table.data.slice(8)]);
    assertThrows(() => gatherOp.reference([table, ids], {}), RangeError, "row 7");
  },
);

Deno.test("gather's gradient is that of central differences", () => {
  assertGradient(
    ({ table, ids }) => [gather(table!, ids!)],
    { table: normalTensor(2, "table", [5, 3]), ids: wordTensor(2, "ids", [2, 4], 5) },
    2,
  );
});

Deno.test("gather refuses ids that are floats", () => {
  assertThrows(() => gather(input("table", [3, 4]), input("ids", [2])), TypeError, "f32[2]");
});

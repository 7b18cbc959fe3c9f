import { assertEquals, assertThrows } from "@std/assert";
import { words } from "../../lib/core/tensor.ts";
import { input } from "../../lib/engine/graph.ts";
import { gather, gatherOp } from "../../lib/engine/ops/gather.ts";
import { runOp } from "../gpu_harness.ts";
import { gpuTest, normalTensor } from "./op_checks.ts";

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

Deno.test("gather refuses ids that are floats", () => {
  assertThrows(() => gather(input("table", [3, 4]), input("ids", [2])), TypeError, "f32[2]");
});

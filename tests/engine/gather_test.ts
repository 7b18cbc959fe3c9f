import { assertEquals, assertThrows } from "@std/assert";
import { bytesOf, halves, words } from "../../lib/core/tensor.ts";
import { input, trace } from "../../lib/engine/graph.ts";
import { evaluate } from "../../lib/engine/interpreter.ts";
import { gather, gatherOp } from "../../lib/engine/ops/gather.ts";
import { plan } from "../../lib/engine/plan.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
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

Deno.test("gather binds a table in parts where it is larger than a binding, and finds the same rows", async () => {
  const gpu = await openGpu(navigator.gpu);
  const ids = words([7], [0, 199, 63, 64, 128, 4, 150]);
  const floats = normalTensor(1, "table", [200, 4]);
  for (const table of [floats, halves([200, 4], Uint16Array.from({ length: 800 }, (_, i) => 0x3000 + i))]) {
    const runtime = gpuRuntime({ ...gpu, target: { ...gpu.target, maxBindingBytes: bytesOf(table) / 3 } });
    const graph = trace(({ table, ids }) => ({ rows: gather(table!, ids!) }), { table, ids });
    const kernels = plan(graph, { software: true, maxBindingBytes: bytesOf(table) / 3 }).dispatches;
    assertEquals(
      kernels.map(({ places }) => places[0]!.offset),
      [0, 1, 2, 3].map((i) => i * bytesOf(table) / 200 * 64),
    );
    const [rows] = await runtime.get(Object.values((await runtime.compile(graph)).run({ table, ids })));
    assertEquals(rows, evaluate(graph, { table, ids }).rows);
  }
});

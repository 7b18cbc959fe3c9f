import { assert, assertEquals, assertRejects } from "@std/assert";
import { trace } from "../../lib/engine/graph.ts";
import { exp } from "../../lib/engine/ops/elementwise.ts";
import { matmul } from "../../lib/engine/ops/matmul.ts";
import { sum } from "../../lib/engine/ops/reductions.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { familyOf, groupKernels, showProfile } from "../../pipelines/profile/show_profile.ts";
import { normalTensor } from "../engine/op_checks.ts";

const gpu = await openGpu(navigator.gpu);
const inputs = { a: normalTensor(3, "a", [64, 32]), b: normalTensor(3, "b", [32, 48]) };
const graph = trace(({ a, b }) => {
  const c = matmul(a!, b!);
  return { c, total: sum(exp(c), [1]) };
}, inputs);

Deno.test({
  name: "profile: every kernel of a graph in order, with its work and its time",
  ignore: !gpu.canTime,
  fn: async () => {
    const profile = await gpuRuntime(gpu).profile(graph, inputs, 2);
    assertEquals(profile.map(familyOf), ["matmul_nn", "sum"]);
    assertEquals(profile[0]!.flops, 2 * 64 * 32 * 48);
    assertEquals(profile[0]!.bytes, 4 * (64 * 32 + 32 * 48 + 64 * 48));
    assert(profile.every(({ ms }) => ms > 0 && Number.isFinite(ms)), JSON.stringify(profile));
  },
});

Deno.test("profile: an adapter that cannot time says so", async () => {
  const runtime = gpuRuntime({ ...gpu, canTime: false });
  await assertRejects(() => runtime.profile(graph, inputs), Error, "Cannot time kernels");
});

Deno.test("groupKernels: adds up what shares a name, the dearest first", () => {
  const kernel = (name: string, ms: number) => ({ name, ms, flops: 10 * ms, bytes: ms });
  const groups = groupKernels([kernel("b 1", 1), kernel("a 1", 2), kernel("b 2", 4)], familyOf);
  assertEquals(groups.map(({ name, count, ms, flops }) => [name, count, ms, flops]), [["b", 2, 5, 50], [
    "a",
    1,
    2,
    20,
  ]]);
  const text = showProfile([kernel("b 1", 1), kernel("a 1", 3)]);
  assert(text.includes("75.0 %") && text.indexOf("a ") < text.indexOf("b "), text);
});

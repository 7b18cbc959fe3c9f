import { assert, assertEquals } from "@std/assert";
import { trace } from "../../lib/engine/graph.ts";
import { exp } from "../../lib/engine/ops/elementwise.ts";
import { matmul } from "../../lib/engine/ops/matmul.ts";
import { sum } from "../../lib/engine/ops/reductions.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { profileStep, showProfiles } from "../../pipelines/profile.ts";
import { normalTensor } from "../engine/op_checks.ts";

const gpu = await openGpu(navigator.gpu);

Deno.test({
  name: "profileStep: times a graph with its weights, and gives all memory back",
  ignore: !gpu.canTime,
  fn: async () => {
    const runtime = gpuRuntime(gpu);
    const w = normalTensor(3, "w", [32, 48]);
    const x = { shape: [64, 32], dtype: "f32" } as const;
    const graph = trace(({ x, w }) => ({ total: sum(exp(matmul(x!, w!)), [1]) }), { x, w });
    const weights = { w: runtime.put(w) };
    // A clock that moves on by 3 ms whenever it is looked at.
    let now = 0;
    const profile = await profileStep("a step", { graph, weights }, runtime, () => now += 3);
    assertEquals(profile.kernels.length, 2);
    assertEquals(profile.hostMicroseconds, 1500);
    assert(profile.kernels.every(({ ms }) => ms > 0), JSON.stringify(profile));

    const peak = runtime.peakBytes();
    await profileStep("a step", { graph, weights }, runtime, () => 0);
    assertEquals(runtime.peakBytes(), peak, "a second profile needs no more memory than the first");

    const text = showProfiles([profile]);
    assert(/^a step: 2 kernels, [\d.]+ ms on the GPU, 1500.0 µs a kernel on the host$/m.test(text), text);
    assert(/^ +matmul_nn 64x48x32 +1 /m.test(text), text);
  },
});

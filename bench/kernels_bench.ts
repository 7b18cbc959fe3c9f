/**
 * The quick shapes by Deno's own bench: `deno bench --allow-read --allow-env bench/kernels_bench.ts`.
 *
 * An iteration computes a product as often as it takes for 1 GFLOP and waits once, as waiting costs Deno 11 ms. What compares with
 * the adapter's peak and with other libraries is `attune bench`.
 *
 * @module
 */

import { openGpu } from "../lib/gpu/device.ts";
import { gpuRuntime } from "../lib/gpu/runtime.ts";
import { gemmGraph, inputsOf } from "./attune.ts";
import { drawOperands, flopsOf, PASSES, showCase } from "./gemm_case.ts";
import { contestedShapes } from "./shapes.ts";

/** Operations of an iteration at the least. */
const LEAST_FLOPS = 1e9;

const runtime = gpuRuntime(await openGpu(navigator.gpu));
for (const { model, layer } of contestedShapes.filter(({ isQuick }) => isQuick)) {
  for (const pass of PASSES) {
    const gemm = { model, layer, pass };
    const program = await runtime.compile(gemmGraph(gemm));
    const inputs = inputsOf(runtime, drawOperands(gemm));
    const count = Math.ceil(LEAST_FLOPS / flopsOf(gemm));
    Deno.bench({
      name: `${count} x ${showCase(gemm)}`,
      group: model,
      n: 5,
      warmup: 1,
      fn: async () => {
        const results = Array.from({ length: count }, () => program.run(inputs).out!);
        await runtime.settle();
        runtime.free(results);
      },
    });
  }
}

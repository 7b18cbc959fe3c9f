/**
 * `attune bench`: measures the kernels on this machine, alone and against other libraries.
 *
 * @module
 */

import { dirname } from "node:path";
import { openGpu } from "../lib/gpu/device.ts";
import { gpuRuntime } from "../lib/gpu/runtime.ts";
import { median } from "../lib/measures/median.ts";
import { type Bout, fight } from "../bench/contest.ts";
import { PASSES, showCase } from "../bench/gemm_case.ts";
import { miniKernels, stableDiffusionKernels } from "../bench/kernel_rows.ts";
import { peak as peakOf } from "../bench/peak.ts";
import { jax } from "../bench/peers/jax.ts";
import { tfjs } from "../bench/peers/tfjs.ts";
import { showResults } from "../bench/results.ts";
import { contestedShapes } from "../bench/shapes.ts";
import { readArguments } from "./arguments.ts";
import { pathOf, writeAtomically } from "./files.ts";
import { fromCaller } from "./paths.ts";
import { openTuneFile } from "./tune_store.ts";
import { UsageError } from "./usage_error.ts";

const HELP =
  `Measures the kernels on this machine: each by itself as a share of what the adapter can do, and matrix products and
convolutions against jax-js and TensorFlow.js, which are fetched for it.

Usage: attune bench [--quick] [--alone] [--only TEXT] [--tune] [--out FILE]

  --quick      a few shapes: some two minutes on a software adapter, the whole takes up to ten
  --alone      fetches no other libraries and compares with none
  --only TEXT  only products whose name has this in it, no other kernels: --only "conv3x3 1x64"
  --tune       choose tiles by timing, also on a software adapter
  --out FILE   where all numbers go, as JSON  (.cache/bench.json)
  --help       print this
`;

/**
 * Runs the task.
 *
 * @param args Its arguments, without the name of the task.
 * @returns The exit code.
 */
export async function run(args: readonly string[]): Promise<number> {
  const options = readArguments(args, { text: ["only", "out"], flags: ["quick", "alone", "tune"] });
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const cases = contestedShapes.filter(({ isQuick }) => !options.quick || isQuick)
    .flatMap(({ model, layer }) => PASSES.map((pass) => ({ model, layer, pass })))
    .filter((gemm) => showCase(gemm).includes(options.only ?? ""));
  if (cases.length === 0) {
    throw new UsageError(`Cannot measure anything as no product has this in its name: ${options.only}`);
  }
  const path = fromCaller(options.out ?? pathOf(new URL("../.cache/bench.json", import.meta.url)));
  await Deno.mkdir(dirname(path), { recursive: true });
  const start = performance.now();
  const gpu = await openGpu(navigator.gpu);
  const tiles = await openTuneFile(gpu, { asked: options.tune });
  const runtime = gpuRuntime(gpu, { tiles });
  const peak = gpu.canTime ? peakOf(gpu) : null;
  const peers = options.alone ? [] : [await jax(), await tfjs()];

  const rates: { gflops: number; copyGbs: number }[] = [];
  const measurePeak = async () => {
    if (peak !== null) rates.push({ gflops: await peak.multiplyAdd(), copyGbs: await peak.copy() });
  };
  const others = peak !== null && options.only === undefined;
  await measurePeak();
  if (others) console.error("kernels of the embedded model");
  const mini = others ? await miniKernels(runtime) : { rows: [], hostMicroseconds: {} };
  await measurePeak();
  if (others && !options.quick) console.error("kernels of Stable Diffusion");
  const large = others && !options.quick ? await stableDiffusionKernels(runtime) : [];
  const contest: Bout[] = [];
  for (const gemm of cases) {
    console.error(showCase(gemm));
    contest.push(await fight(gemm, { runtime, peak, peers }));
    await measurePeak();
  }
  peak?.free();
  await tiles?.save();

  const results = {
    adapter: gpu.name,
    software: gpu.target.software,
    peak: rates.length === 0 ? null : {
      gflops: median(rates.map(({ gflops }) => gflops)),
      copyGbs: median(rates.map(({ copyGbs }) => copyGbs)),
    },
    kernels: [...mini.rows, ...large],
    hostMicroseconds: mini.hostMicroseconds,
    contest,
    seconds: (performance.now() - start) / 1000,
  };
  console.log(showResults(results));
  await writeAtomically(path, `${JSON.stringify(results, null, 1)}\n`);
  console.log(`All numbers: ${path}`);
  return 0;
}

/**
 * The system's GPU, ready to run graphs with the tiles that were found to be its fastest.
 *
 * @module
 */

import { type Gpu, openGpu } from "../lib/gpu/device.ts";
import { type GpuRuntime, gpuRuntime } from "../lib/gpu/runtime.ts";
import { openTuneFile } from "./tune_store.ts";

/** A runtime and what is known of its GPU. */
export interface OpenedRuntime {
  /** Runs graphs. */
  readonly runtime: GpuRuntime;
  /** What it runs on. */
  readonly gpu: Gpu;
  /** Keeps the choices of tiles that compiling made, for the next time; to be called when all is compiled. */
  readonly saveTiles: () => Promise<void>;
}

/**
 * Opens the GPU, or the software adapter where there is none.
 *
 * @param tune Whether to choose tiles by timing on a software adapter too, where that takes a while.
 * @throws {Error} If there is no adapter at all, with what to install.
 */
export async function openRuntime({ tune = false } = {}): Promise<OpenedRuntime> {
  const gpu = await openGpu(navigator.gpu);
  const tiles = await openTuneFile(gpu, { asked: tune });
  return { runtime: gpuRuntime(gpu, { tiles }), gpu, saveTiles: async () => await tiles?.save() };
}

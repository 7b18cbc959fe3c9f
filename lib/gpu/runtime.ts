/**
 * The runtime on the GPU.
 * @module
 */

import { bytesOf, type Tensor } from "../core/tensor.ts";
import { fuse } from "../engine/fuse.ts";
import type { Graph } from "../engine/graph.ts";
import type { TileChoices } from "../engine/calls.ts";
import { checkLimits } from "../engine/limits.ts";
import { type Plan, planSteps } from "../engine/plan.ts";
import type { DeviceArray, Purpose, Runtime } from "../engine/runtime.ts";
import { simplify } from "../engine/simplify.ts";
import { gpuArrays, read, write } from "./arrays.ts";
import type { Gpu } from "./device.ts";
import { gpuBufferPool } from "./memory.ts";
import { pipelineCache } from "./pipelines.ts";
import { type Profile, program } from "./program.ts";
import { sharedSlots } from "./shared_slots.ts";
import { type TileStore, tuner } from "./tuner.ts";

/** A runtime on a GPU, with what only a GPU can tell. */
export interface GpuRuntime extends Runtime {
  /** Bytes of the buffers of all arrays and programs at their highest so far; those that results are read through are not counted. */
  peakBytes(): number;
  /** Waits until all work so far is done. */
  settle(): Promise<void>;
  /**
   * Runs a graph's kernels one by one, timed, once more than `rounds` (default 1) says; of each the best time counts.
   *
   * @throws {Error} If the adapter cannot time.
   */
  profile(
    graph: Graph,
    inputs: Readonly<Record<string, DeviceArray | Tensor>>,
    rounds?: number,
  ): Promise<Profile[]>;
}

/** Choices for a runtime on a GPU. */
export interface GpuRuntimeOptions {
  /** Where the tuner keeps its choices; without one, or on an adapter that cannot time, nothing is tuned. */
  readonly tiles?: TileStore | undefined;
}

/** Makes a runtime on a GPU that was opened before. */
export function gpuRuntime(gpu: Gpu, { tiles }: GpuRuntimeOptions = {}): GpuRuntime {
  const { device, target } = gpu;
  const pool = gpuBufferPool(device);
  const slots = sharedSlots(pool);
  const pipelines = pipelineCache(device);
  const arrays = gpuArrays(pool, () => runtime);
  const problems: string[] = [];
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    problems.push((event as GPUUncapturedErrorEvent).error.message);
  });
  device.lost.then(({ message }) => problems.push(message));
  const host = { device, pool, slots, pipelines, arrays };
  const tuning = tiles && gpu.canTime ? tuner({ device, target, pipelines, store: tiles }) : null;
  const planned = async (graph: Graph, purpose?: Purpose): Promise<Plan> => {
    const fused = fuse(simplify(graph));
    const planWith = (tiles?: TileChoices): Plan => {
      const plan = planSteps(graph, fused, target, tiles);
      checkLimits(plan, device.limits, purpose, target.software);
      return plan;
    };
    // What does not fit is refused before the tuner takes memory for it.
    const plan = planWith();
    return tuning === null ? plan : planWith(await tuning.choose(fused.steps));
  };
  const runtime: GpuRuntime = {
    limits: device.limits,
    put: (value) => {
      const buffer = pool.take(bytesOf(value));
      write(device, buffer, value);
      return arrays.wrap(value, buffer);
    },
    get: async (wanted) => {
      const sources = wanted.map((array) => ({ ...array, buffer: arrays.bufferOf(array) }));
      const tensors = await read(device, sources).catch((cause) => {
        throw new Error(`Cannot read results as the GPU gave up: ${problems[0] ?? cause.message}`, { cause });
      });
      if (problems.length > 0) {
        throw new Error(`Cannot trust the results as the GPU refused work: ${problems[0]}`);
      }
      return tensors;
    },
    free: (unwanted) => {
      for (const array of unwanted) arrays.free(array);
    },
    compile: async (graph, { purpose, weights } = {}) =>
      (await program(graph, await planned(graph, purpose), host, weights)).program,
    peakBytes: pool.peakBytes,
    settle: () => device.queue.onSubmittedWorkDone().then(() => {}),
    profile: async (graph, inputs, rounds = 1) => {
      if (!gpu.canTime) throw new Error(`Cannot time kernels as the adapter has no timestamps: ${gpu.name}`);
      const built = await program(graph, await planned(graph), host);
      const profile = await built.profile(inputs, rounds);
      built.program.free();
      return profile;
    },
  };
  return runtime;
}

/**
 * The runtime on the GPU.
 * @module
 */

import { size, type Tensor, tensor, type TensorType, words } from "../core/tensor.ts";
import type { Graph } from "../engine/graph.ts";
import { fuse } from "../engine/fuse.ts";
import { type Plan, planSteps } from "../engine/plan.ts";
import { simplify } from "../engine/simplify.ts";
import type { DeviceArray, Runtime } from "../engine/runtime.ts";
import type { Gpu } from "./device.ts";
import { bufferPool } from "./memory.ts";
import { pipelineCache } from "./pipelines.ts";
import { type Profile, program } from "./program.ts";
import { type TileStore, tuner } from "./tuner.ts";

/** A runtime on a GPU, with what only a GPU can tell. */
export interface GpuRuntime extends Runtime {
  /** Bytes of all buffers at their highest so far. */
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

/** An array in a buffer. */
export interface GpuArray extends DeviceArray {
  readonly buffer: GPUBuffer;
}

/** Choices for a runtime on a GPU. */
export interface GpuRuntimeOptions {
  /** Where the tuner keeps its choices; without one, or on an adapter that cannot time, nothing is tuned. */
  readonly tiles?: TileStore | undefined;
}

/** Makes a runtime on a GPU that was opened before. */
export function gpuRuntime(gpu: Gpu, { tiles }: GpuRuntimeOptions = {}): GpuRuntime {
  const { device, target } = gpu;
  const pool = bufferPool(device);
  const pipelines = pipelineCache(device);
  const wrap = ({ shape, dtype }: TensorType, buffer: GPUBuffer): GpuArray => ({
    shape,
    dtype,
    runtime,
    buffer,
  });
  const problems: string[] = [];
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    problems.push((event as GPUUncapturedErrorEvent).error.message);
  });
  const host = { device, pool, pipelines, wrap };
  const tuning = tiles && gpu.canTime ? tuner({ device, target, pipelines, store: tiles }) : null;
  const planned = async (graph: Graph): Promise<Plan> => {
    const fused = fuse(simplify(graph));
    return planSteps(graph, fused, target, await tuning?.choose(fused.steps));
  };
  const runtime: GpuRuntime = {
    put: (value) => {
      const buffer = pool.take(4 * size(value.shape));
      write(device, buffer, value);
      return wrap(value, buffer);
    },
    get: async (arrays) => {
      const tensors = await read(device, arrays.map(gpuArray));
      if (problems.length > 0) {
        throw new Error(`Cannot trust the results as the GPU refused work: ${problems[0]}`);
      }
      return tensors;
    },
    free: (arrays) => {
      for (const array of arrays) pool.give(gpuArray(array).buffer);
    },
    compile: async (graph) => (await program(graph, await planned(graph), host)).program,
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

/** Copies a tensor's values to a buffer. */
export function write(device: GPUDevice, buffer: GPUBuffer, { data }: Tensor): void {
  const chunk = 4 << 20;
  for (let start = 0; start < data.length; start += chunk) {
    const length = Math.min(chunk, data.length - start);
    device.queue.writeBuffer(buffer, 4 * start, data.buffer, data.byteOffset + 4 * start, 4 * length);
  }
}

/** The array as one in a buffer. */
export function gpuArray(array: DeviceArray): GpuArray {
  if (!("buffer" in array)) throw new TypeError("Cannot use the array as it belongs to another runtime");
  return array as GpuArray;
}

/** Reads arrays back through one staging buffer: each wait costs some 10 ms, however little is read. */
async function read(device: GPUDevice, arrays: readonly GpuArray[]): Promise<Tensor[]> {
  if (arrays.length === 0) return [];
  const starts: number[] = [];
  let total = 0;
  for (const { shape } of arrays) {
    starts.push(total);
    total += 4 * size(shape);
  }
  const staging = device.createBuffer({
    size: Math.max(total, 4),
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  arrays.forEach(({ buffer, shape }, i) => {
    encoder.copyBufferToBuffer(buffer, 0, staging, starts[i]!, 4 * size(shape));
  });
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const bytes = staging.getMappedRange().slice(0);
  staging.destroy();
  return arrays.map(({ shape, dtype }, i) =>
    dtype === "f32"
      ? tensor(shape, new Float32Array(bytes, starts[i]!, size(shape)).slice())
      : words(shape, new Uint32Array(bytes, starts[i]!, size(shape)).slice())
  );
}

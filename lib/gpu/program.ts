/**
 * Programs: plans with pipelines and memory, replayed in one compute pass and one submit.
 * @module
 */

import { bytesOf, type Tensor } from "../core/tensor.ts";
import type { Graph } from "../engine/graph.ts";
import { checkInputs, openInputs } from "../engine/interpreter.ts";
import type { Dispatch, Place, Plan } from "../engine/plan.ts";
import type { DeviceArray, Program } from "../engine/runtime.ts";
import { type GpuArrays, write } from "./arrays.ts";
import type { BufferPool } from "./memory.ts";
import type { PipelineCache } from "./pipelines.ts";
import type { SharedSlots } from "./shared_slots.ts";
import { runJobs, timeJobs } from "./timer.ts";

/** What a program is made with. */
export interface Host {
  /** Where it runs. */
  readonly device: GPUDevice;
  /** Where its memory comes from. */
  readonly pool: BufferPool;
  /** Where its slots come from. */
  readonly slots: SharedSlots<GPUBuffer>;
  /** Where its pipelines come from. */
  readonly pipelines: PipelineCache;
  /** The arrays it may be given. */
  readonly arrays: GpuArrays;
}

/** What one kernel of a program took. */
export interface Profile {
  /** The kernel's name. */
  readonly name: string;
  /** Milliseconds on the GPU. */
  readonly ms: number;
  /** Floating-point operations. */
  readonly flops: number;
  /** Bytes it moves at the least. */
  readonly bytes: number;
}

/** A program, and a way to time its kernels. */
export interface BuiltProgram {
  /** The program. */
  readonly program: Program;
  /** Runs its kernels one by one, timed, so many times; the shortest counts. */
  readonly profile: (
    inputs: Readonly<Record<string, DeviceArray | Tensor>>,
    rounds: number,
  ) => Promise<Profile[]>;
}

/** A dispatch with what the encoder needs; that lies flat, as encoding a step is mostly waiting for memory. */
interface Ready {
  readonly dispatch: Dispatch;
  readonly layout: GPUBindGroupLayout;
  readonly pipeline: GPUComputePipeline;
  bindGroup: GPUBindGroup | null;
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** An input as it was given last. */
interface Given {
  readonly array: DeviceArray | Tensor;
  readonly buffer: GPUBuffer;
}

/**
 * Builds a program from a plan.
 *
 * @param weights Inputs that stay.
 */
export async function program(
  graph: Graph,
  plan: Plan,
  host: Host,
  weights: Readonly<Record<string, DeviceArray>> = {},
): Promise<BuiltProgram> {
  const { device, pool, arrays } = host;
  checkInputs(graph, weights, Object.keys(weights));
  const steps: Ready[] = await Promise.all(plan.dispatches.map(async (dispatch) => {
    const { kernel } = dispatch;
    const [x, y, z] = kernel.workgroups;
    return { dispatch, ...await host.pipelines.get(kernel), bindGroup: null, x, y, z };
  }));
  const reserved = host.slots.reserve(plan.slots, plan.zeroed);
  clear(device, reserved.own);
  let slots: readonly GPUBuffer[] = [];
  const own = new Map<string, GPUBuffer>();
  const bound = new Map<string, Given>(
    Object.entries(weights).map(([name, array]) => [name, { array, buffer: arrays.bufferOf(array) }]),
  );
  let isFreed = false;
  const names = openInputs(graph, weights);
  const readers = readersOf(steps);

  const bufferOf = ({ memory }: Place) =>
    memory.kind === "slot" ? slots[memory.index]! : bound.get(memory.name)!.buffer;
  /** The buffer of an input; values from the host go to a buffer that the program keeps for them. */
  const bufferFor = (name: string, given: DeviceArray | Tensor): GPUBuffer => {
    if (!("data" in given)) return arrays.bufferOf(given);
    const buffer = own.get(name) ?? pool.take(bytesOf(given));
    own.set(name, buffer);
    write(device, buffer, given);
    return buffer;
  };
  /** Binds the inputs; only what reads an input that lies elsewhere than before is bound anew, or all where slots do. */
  const bind = (inputs: Readonly<Record<string, DeviceArray | Tensor>>): void => {
    if (isFreed) throw new TypeError("Cannot run the program as it was freed");
    const before = slots;
    slots = reserved.buffers();
    if (slots !== before) steps.forEach((step) => step.bindGroup = null);
    const changed = names.filter((name) => {
      const given = inputs[name];
      return given === undefined || "data" in given || bound.get(name)?.array !== given ||
        !arrays.isAlive(given);
    });
    if (changed.length > 0 || Object.keys(inputs).length !== names.length) checkInputs(graph, inputs, names);
    for (const name of changed) {
      const array = inputs[name]!;
      const buffer = bufferFor(name, array);
      const isSame = bound.get(name)?.buffer === buffer;
      bound.set(name, { array, buffer });
      if (!isSame) readers.get(name)?.forEach((step) => step.bindGroup = null);
    }
    for (const step of steps) {
      step.bindGroup ??= device.createBindGroup({
        layout: step.layout,
        entries: step.dispatch.places.map((place, binding) => ({
          binding,
          resource: { buffer: bufferOf(place), offset: place.offset, size: Math.ceil(place.bytes / 16) * 16 },
        })),
      });
    }
  };
  /** Encodes a dispatch; `current` is the pipeline that the pass has by the one before. */
  const encode = (
    pass: GPUComputePassEncoder,
    { pipeline, bindGroup, x, y, z }: Ready,
    current: GPUComputePipeline | null = null,
  ): void => {
    if (pipeline !== current) pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(x, y, z);
  };

  const run: Program["run"] = (inputs) => {
    bind(inputs);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    let pipeline: GPUComputePipeline | null = null;
    for (const step of steps) {
      encode(pass, step, pipeline);
      pipeline = step.pipeline;
    }
    pass.end();
    const results = Object.entries(plan.outputs).map(([name, place]): [string, DeviceArray] => {
      const given = place.updates === null ? undefined : inputs[place.updates];
      if (given !== undefined && !("data" in given)) return [name, given];
      const buffer = pool.take(place.bytes);
      encoder.copyBufferToBuffer(bufferOf(place), place.offset, buffer, 0, place.bytes);
      return [name, arrays.wrap(graph.outputs[name]!, buffer)];
    });
    device.queue.submit([encoder.finish()]);
    return Object.fromEntries(results);
  };
  const free = (): void => {
    reserved.release();
    own.forEach(pool.give);
    own.clear();
    isFreed = true;
  };
  const profile: BuiltProgram["profile"] = async (inputs, rounds) => {
    bind(inputs);
    const jobs = steps.map((step) => (pass: GPUComputePassEncoder) => encode(pass, step));
    // Drivers compile in the first run.
    runJobs(device, jobs);
    const times = jobs.map(() => Infinity);
    for (let round = 0; round < rounds; round++) {
      (await timeJobs(device, jobs)).forEach((ms, i) => times[i] = Math.min(times[i]!, ms));
    }
    return steps.map(({ dispatch: { kernel } }, i) => ({
      name: kernel.name,
      ms: times[i]!,
      flops: kernel.flops,
      bytes: kernel.bytes,
    }));
  };
  return { program: { run, free }, profile };
}

function clear(device: GPUDevice, buffers: readonly GPUBuffer[]): void {
  const encoder = device.createCommandEncoder();
  buffers.forEach((buffer) => encoder.clearBuffer(buffer));
  device.queue.submit([encoder.finish()]);
}

/** The steps that read each input. */
function readersOf(steps: readonly Ready[]): ReadonlyMap<string, readonly Ready[]> {
  const readers = new Map<string, Ready[]>();
  for (const step of steps) {
    for (const { memory } of step.dispatch.places) {
      if (memory.kind !== "input") continue;
      readers.set(memory.name, [...readers.get(memory.name) ?? [], step]);
    }
  }
  return readers;
}

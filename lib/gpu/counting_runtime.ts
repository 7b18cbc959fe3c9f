/**
 * A runtime that computes nothing and counts: it plans programs as the GPU's runtime does, and takes the same buffers from the
 * same pool, but of bytes that are nowhere.
 * @module
 */

import { bytesOf, halves, size, type Tensor, tensor, type TensorType, words } from "../core/tensor.ts";
import { fuse } from "../engine/fuse.ts";
import type { Graph } from "../engine/graph.ts";
import { checkInputs, openInputs } from "../engine/interpreter.ts";
import { checkLimits, largestBinding, type Limits } from "../engine/limits.ts";
import { type Plan, planBytes, planSteps } from "../engine/plan.ts";
import type { CompileOptions, DeviceArray, Program, Purpose, Runtime } from "../engine/runtime.ts";
import { simplify } from "../engine/simplify.ts";
import { bufferPool, type PoolBuffer } from "./memory.ts";
import { sharedSlots } from "./shared_slots.ts";

/** What is known of a program. */
export interface CountedProgram {
  /** What it is for; empty if nobody said. */
  readonly stage: string;
  /** Bytes of its slots: what lies between its inputs and its results. */
  readonly slotBytes: number;
  /** Bytes of its inputs, weights among them. */
  readonly inputBytes: number;
  /** Bytes of its results, but for those that are computed in place. */
  readonly resultBytes: number;
  /** Bytes of the largest binding. */
  readonly largestBinding: number;
  /** Kernels of a run. */
  readonly dispatches: number;
  /** Floating-point operations of a run. */
  readonly flops: number;
  /** How often it has run. */
  runs(): number;
}

/** A runtime that counts. */
export interface CountingRuntime extends Runtime {
  /** An array of a type, as if it had been put there. */
  reserve(type: TensorType): DeviceArray;
  /** The programs that were compiled, in their order. */
  programs(): readonly CountedProgram[];
  /** Bytes of all buffers. */
  bytes(): number;
  /** Bytes of all buffers at their highest so far. */
  peakBytes(): number;
}

/**
 * Makes a runtime that counts. What is read back is zero.
 *
 * @param limits What the adapter allows; by default anything.
 * @param software Whether it is the CPU in truth.
 */
export function countingRuntime(
  limits: Limits = { maxBufferSize: Infinity, maxStorageBufferBindingSize: Infinity },
  software = false,
): CountingRuntime {
  const target = { software, maxBindingBytes: largestBinding(limits) };
  const pool = bufferPool((size): PoolBuffer => ({ size, destroy: () => {} }), limits.maxBufferSize);
  const slots = sharedSlots(pool);
  const buffers = new Map<DeviceArray, PoolBuffer>();
  const programs: CountedProgram[] = [];
  const reserve = ({ shape, dtype }: TensorType): DeviceArray => {
    const array = { shape, dtype, runtime };
    buffers.set(array, pool.take(bytesOf(array)));
    return array;
  };
  const build = (graph: Graph, plan: Plan, { purpose, weights = {} }: CompileOptions): Program => {
    checkInputs(graph, weights, Object.keys(weights));
    const names = openInputs(graph, weights);
    const reserved = slots.reserve(plan.slots, plan.zeroed);
    const own = new Map<string, PoolBuffer>();
    let count = 0;
    programs.push(countedOf(graph, plan, purpose, () => count));
    return {
      run: (inputs) => {
        checkInputs(graph, inputs, names);
        reserved.buffers();
        count++;
        for (const [name, given] of Object.entries(inputs)) {
          if ("data" in given && !own.has(name)) own.set(name, pool.take(bytesOf(given)));
        }
        return Object.fromEntries(
          Object.entries(plan.outputs).map(([name, { updates }]) => {
            const given = updates === null ? undefined : inputs[updates];
            return [name, given === undefined || "data" in given ? reserve(graph.outputs[name]!) : given];
          }),
        );
      },
      free: () => {
        reserved.release();
        own.forEach(pool.give);
        own.clear();
      },
    };
  };
  const runtime: CountingRuntime = {
    limits,
    put: reserve,
    reserve,
    get: (arrays) => Promise.resolve(arrays.map(zeros)),
    free: (arrays) => {
      for (const array of arrays) {
        pool.give(buffers.get(array)!);
        buffers.delete(array);
      }
    },
    compile: (graph, options = {}) => {
      const plan = planSteps(graph, fuse(simplify(graph)), target);
      checkLimits(plan, limits, options.purpose, software);
      return Promise.resolve(build(graph, plan, options));
    },
    programs: () => programs,
    bytes: pool.bytes,
    peakBytes: pool.peakBytes,
  };
  return runtime;
}

function countedOf(
  { inputs }: Graph,
  plan: Plan,
  purpose: Purpose | undefined,
  runs: () => number,
): CountedProgram {
  const results = Object.values(plan.outputs).filter(({ updates }) => updates === null);
  const bindings = plan.dispatches.flatMap(({ places }) => places.map(({ bytes }) => bytes));
  return {
    stage: purpose?.stage ?? "",
    slotBytes: planBytes(plan),
    inputBytes: Object.values(inputs).reduce((sum, type) => sum + bytesOf(type), 0),
    resultBytes: results.reduce((sum, { bytes }) => sum + bytes, 0),
    largestBinding: bindings.reduce((most, bytes) => Math.max(most, bytes), 0),
    dispatches: plan.dispatches.length,
    flops: plan.dispatches.reduce((sum, { kernel }) => sum + kernel.flops, 0),
    runs,
  };
}

function zeros({ shape, dtype }: TensorType): Tensor {
  switch (dtype) {
    case "f32":
      return tensor(shape, new Float32Array(size(shape)));
    case "u32":
      return words(shape, new Uint32Array(size(shape)));
    case "f16":
      return halves(shape, new Uint16Array(size(shape)));
  }
}

/**
 * What executes graphs: the GPU (`lib/gpu`) or the CPU interpreter. Stages are handed one and ask no more.
 * @module
 */

import type { Tensor, TensorType } from "../core/tensor.ts";
import type { Graph } from "./graph.ts";
import type { Limits } from "./limits.ts";

/** A tensor that lives where the runtime computes. */
export interface DeviceArray extends TensorType {
  /** Names the runtime that made it. */
  readonly runtime: Runtime;
}

/** What a program is for: messages about it say so, and what to do. */
export interface Purpose {
  /** What it does, such as "the policy's update". */
  readonly stage: string;
  /** Settings that make it need less, such as "lower train.batch_size". */
  readonly remedy: string;
}

/** What a program is compiled with. */
export interface CompileOptions {
  /** What it is for. */
  readonly purpose?: Purpose | undefined;
  /** Inputs that are the same in every run, weights above all: named once, and alive as long as the program is. */
  readonly weights?: Readonly<Record<string, DeviceArray>>;
}

/** Executes graphs. */
export interface Runtime {
  /** What the adapter allows; absent where anything goes. */
  readonly limits?: Limits;
  /** Copies a tensor to where the runtime computes. */
  put(tensor: Tensor): DeviceArray;
  /** Reads arrays back, all in one go. */
  get(arrays: readonly DeviceArray[]): Promise<Tensor[]>;
  /** Gives the memory of arrays back. */
  free(arrays: Iterable<DeviceArray>): void;
  /**
   * Prepares a graph for being run many times.
   *
   * @throws {RangeError} If it needs more than there is, with its purpose in the message.
   * @throws {TypeError} If a weight is no input of the graph, or of another type.
   */
  compile(graph: Graph, options?: CompileOptions): Promise<Program>;
}

/** A graph ready to run. */
export interface Program {
  /**
   * Runs the graph once.
   *
   * A result that the graph computes in the memory of an input (the parameters after an optimizer step) comes back
   * as that same array; every other result is a new array that the caller frees.
   *
   * @param inputs Those that are not among the weights it was compiled with.
   * @throws {TypeError} If an input is missing, unknown or of another type than the graph's.
   */
  run(inputs: Readonly<Record<string, DeviceArray | Tensor>>): Record<string, DeviceArray>;
  /** Gives the program's memory back. */
  free(): void;
}

/** The arrays after a run, in place of those before it, which are given back unless the run computed in their memory. */
export function replaced<K extends string>(
  runtime: Runtime,
  before: Readonly<Record<K, DeviceArray>>,
  after: Readonly<Record<K, DeviceArray>>,
): Readonly<Record<K, DeviceArray>> {
  const kept = new Set<DeviceArray>(Object.values(after));
  runtime.free(Object.values<DeviceArray>(before).filter((array) => !kept.has(array)));
  return after;
}

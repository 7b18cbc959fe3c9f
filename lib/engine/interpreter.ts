/**
 * A runtime on the CPU: every op by its reference. Slow, exact and easy to step through; the oracle of the GPU.
 * @module
 */

import { halfsToFloats } from "../core/half.ts";
import { sameShape, showShape, type Tensor, tensor, type TensorType } from "../core/tensor.ts";
import { type Graph, topological, type Value } from "./graph.ts";
import type { DeviceArray, Program, Runtime } from "./runtime.ts";

/** Makes a runtime that computes on the CPU. */
export function interpreter(): Runtime {
  const runtime: Runtime = {
    put: (tensor) => hosted(tensor),
    get: (arrays) => Promise.resolve(arrays.map(tensorOf)),
    free: () => {},
    compile: (graph, { weights = {} } = {}) => {
      checkInputs(graph, weights, Object.keys(weights));
      return Promise.resolve(program(graph, weights));
    },
  };
  const hosted = (tensor: Tensor): Hosted => ({ shape: tensor.shape, dtype: tensor.dtype, runtime, tensor });
  const tensorOf = (array: DeviceArray | Tensor): Tensor =>
    "data" in array ? array : (array as Hosted).tensor;
  const program = (graph: Graph, weights: Readonly<Record<string, DeviceArray>>): Program => ({
    run: (inputs) => {
      checkInputs(graph, inputs, openInputs(graph, weights));
      const given = Object.fromEntries(
        Object.entries({ ...inputs, ...weights }).map(([name, array]) => [name, tensorOf(array)]),
      );
      const results = evaluate(graph, given);
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, hosted(tensor)]));
    },
    free: () => {},
  });
  return runtime;
}

/**
 * Runs a graph once on host tensors.
 *
 * @throws {TypeError} Naming an input that the results need and nobody gave.
 */
export function evaluate(graph: Graph, inputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const known = new Map<Value, Tensor>();
  for (const [name, value] of Object.entries(graph.inputs)) {
    const given = inputs[name];
    if (given !== undefined) known.set(value, given);
  }
  for (const node of topological(Object.values(graph.outputs))) {
    if (node.outputs.every((value) => known.has(value))) continue;
    const results = node.op.reference(node.inputs.map((value) => widened(known.get(value)!)), node.attrs);
    node.outputs.forEach((value, i) => known.set(value, results[i]!));
  }
  return Object.fromEntries(Object.entries(graph.outputs).map(([name, value]) => [name, known.get(value)!]));
}

/** The inputs of a graph that are not among its weights. */
export function openInputs(graph: Graph, weights: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(graph.inputs).filter((name) => !(name in weights));
}

/**
 * Checks inputs of a graph.
 *
 * @param names Those that are asked for.
 * @throws {TypeError} Naming the first that is missing, unknown or of another type.
 */
export function checkInputs(
  graph: Graph,
  inputs: Readonly<Record<string, TensorType>>,
  names: readonly string[],
): void {
  for (const name of names) {
    const given = inputs[name];
    const wanted = graph.inputs[name];
    if (wanted === undefined) throw new TypeError(`Cannot run the program as it has no input ${name}`);
    if (given === undefined) throw new TypeError(`Cannot run the program as its input ${name} is missing`);
    const { shape, dtype } = wanted;
    if (given.dtype !== dtype || !sameShape(given.shape, shape)) {
      throw new TypeError(
        `Cannot run the program as its input ${name} does not fit: ${given.dtype}${showShape(given.shape)} ` +
          `where ${dtype}${showShape(shape)} is needed`,
      );
    }
  }
  for (const name of Object.keys(inputs)) {
    if (!names.includes(name)) throw new TypeError(`Cannot run the program as it has no input ${name}`);
  }
}

/** What kernels do as they read halves. */
function widened(x: Tensor): Tensor {
  return x.dtype === "f16" ? tensor(x.shape, halfsToFloats(x.data)) : x;
}

interface Hosted extends DeviceArray {
  readonly tensor: Tensor;
}

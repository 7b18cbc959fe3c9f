/**
 * Frozen weights: where they are, and graphs that take them as inputs.
 * @module
 */

import { type ParamTree, sameShape, showShape, type TensorType } from "../core/tensor.ts";
import { type Graph, input, type Value } from "../engine/graph.ts";
import type { DeviceArray, Program, Purpose, Runtime } from "../engine/runtime.ts";
import { engineShape, toEngine } from "../nn/layout.ts";
import type { Scope } from "../nn/scope.ts";

/** Weights by the names of their checkpoint, in the engine's layout. */
export type Weights = Readonly<Record<string, DeviceArray>>;

/** A graph, and the weights that its own inputs go together with. */
export interface Bound {
  /** The graph. */
  readonly graph: Graph;
  /** By the names of the graph's inputs. */
  readonly weights: Weights;
}

/** Copies a checkpoint's parameters to where a runtime computes. */
export function putWeights(runtime: Runtime, params: ParamTree): Weights {
  return Object.fromEntries(
    Object.entries(params).map(([name, param]) => [name, runtime.put(toEngine(param))]),
  );
}

/**
 * Traces a function of inputs and of scopes over weights. Only weights that are asked for become inputs of the graph.
 *
 * @param parts Weights by the part of the model they belong to.
 * @param types Types of the other inputs.
 * @throws {TypeError} If a weight is missing or has another shape.
 */
export function bindWeights<P extends string, I extends string>(
  parts: Readonly<Record<P, Weights>>,
  types: Readonly<Record<I, TensorType>>,
  fn: (
    scopes: Readonly<Record<P, Scope>>,
    inputs: Readonly<Record<I, Value>>,
  ) => Readonly<Record<string, Value>>,
): Bound {
  const inputs = mapValues(types, ({ shape, dtype }: TensorType, name) => input(name, shape, dtype));
  const asked: Record<string, Value> = {};
  const weights: Record<string, DeviceArray> = {};
  const scopes = mapValues(parts, (part: Weights, partName) =>
    scopeOver("", (name, shape) => {
      const array = part[name];
      if (array === undefined || !sameShape(array.shape, shape)) {
        throw new TypeError(
          `Cannot bind the weight ${name} of the ${partName} as it is ${
            array === undefined ? "missing" : `${showShape(array.shape)}`
          }: ${showShape(shape)} is needed`,
        );
      }
      const key = `${partName}/${name}`;
      weights[key] = array;
      return asked[key] ??= input(key, array.shape, array.dtype);
    }));
  const outputs = fn(scopes, inputs);
  return { graph: { inputs: { ...inputs, ...asked }, outputs }, weights };
}

/** Compiles a graph with its weights. */
export function compileBound(
  runtime: Runtime,
  { graph, weights }: Bound,
  purpose?: Purpose,
): Promise<Program> {
  return runtime.compile(graph, { purpose, weights });
}

function scopeOver(path: string, find: (name: string, shape: readonly number[]) => Value): Scope {
  return {
    param: (name, shape) => find(`${path}${name}`, engineShape(shape)),
    factor: (name, shape) => find(`${path}${name}`, engineShape(shape)),
    kept: (x) => x,
    at: (name) => scopeOver(`${path}${name}.`, find),
  };
}

function mapValues<K extends string, A, B>(
  record: Readonly<Record<K, A>>,
  fn: (value: A, key: K) => B,
): Record<K, B> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [key, fn(value as A, key as K)]),
  ) as Record<K, B>;
}

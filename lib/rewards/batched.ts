/**
 * Running a model over any number of rows by one program of a fixed batch.
 * @module
 */

import { type FloatTensor, type Tensor, tensor, type TensorType } from "../core/tensor.ts";
import { input, trace, type Value } from "../engine/graph.ts";
import type { DeviceArray, Runtime } from "../engine/runtime.ts";
import { bindParams, declareParams, keepingHalves, type Scope } from "../nn/scope.ts";

/** What a model runs on and with. */
export interface ModelContext {
  /** Where it runs. */
  readonly runtime: Runtime;
  /** Its parameters by name, in the engine's layout; others among them are left alone. */
  readonly weights: Readonly<Record<string, DeviceArray>>;
  /** Rows that are computed together. Results do not depend on it, memory does. */
  readonly batchSize: number;
  /** Whether values between layers are rounded to halves, and kept in half the memory; default no. */
  readonly halfActivations?: boolean | undefined;
  /** What for, such as "scoring by gold"; default scoring. */
  readonly stage?: string | undefined;
}

/** A model's parameters, with values between layers kept as the context asks for. */
export function scopeIn(
  { halfActivations = false }: Pick<ModelContext, "halfActivations">,
  scope: Scope,
): Scope {
  return halfActivations ? keepingHalves(scope) : scope;
}

/**
 * Runs a model over `count` rows.
 *
 * @param inputs The inputs of some rows, given by their numbers.
 * @returns One row of results for each.
 */
export type BatchedModel = (
  count: number,
  inputs: (rows: readonly number[]) => Readonly<Record<string, Tensor>>,
) => Promise<FloatTensor>;

/**
 * Compiles a model for batches. The last batch is filled up with its last row.
 *
 * @param model From inputs to one result, rows first.
 * @param types The types of the inputs of one batch.
 */
export async function batchedModel<I extends string>(
  model: (scope: Scope, inputs: Readonly<Record<I, Value>>) => Value,
  types: Readonly<Record<I, TensorType>>,
  context: ModelContext,
): Promise<BatchedModel> {
  const { runtime, weights, batchSize, stage = "scoring" } = context;
  const specs = declareParams((scope) => model(scope, symbols(types)));
  const needed = Object.fromEntries(
    specs.flatMap(({ name }) => name in weights ? [[name, weights[name]!]] : []),
  );
  const graph = trace(
    (values) => ({
      result: model(scopeIn(context, bindParams(values)), values as Readonly<Record<I, Value>>),
    }),
    { ...needed, ...types } as Readonly<Record<string, TensorType>>,
  );
  const program = await runtime.compile(graph, {
    purpose: { stage, remedy: "lower sample.batch_size" },
    weights: needed,
  });
  const rowShape = graph.outputs.result!.shape.slice(1);
  return async (count, inputs) => {
    const results: DeviceArray[] = [];
    for (let start = 0; start < count; start += batchSize) {
      const rows = Array.from({ length: batchSize }, (_, i) => Math.min(start + i, count - 1));
      results.push(program.run(inputs(rows)).result!);
    }
    const parts = await runtime.get(results);
    runtime.free(results);
    return joined(parts, [count, ...rowShape]);
  };
}

function symbols<I extends string>(types: Readonly<Record<I, TensorType>>): Readonly<Record<I, Value>> {
  return Object.fromEntries(
    Object.entries<TensorType>(types).map(([name, { shape, dtype }]) => [name, input(name, shape, dtype)]),
  ) as Record<I, Value>;
}

function joined(parts: readonly Tensor[], shape: readonly number[]): FloatTensor {
  const data = new Float32Array(shape.reduce((product, extent) => product * extent, 1));
  let at = 0;
  for (const part of parts) {
    const kept = part.data.slice(0, data.length - at) as Float32Array;
    data.set(kept, at);
    at += kept.length;
  }
  return tensor(shape, data);
}

/**
 * Reverse-mode differentiation, from graph to graph.
 * @module
 */

import { showShape, size } from "../core/tensor.ts";
import { constant, type Node, topological, type Value } from "./graph.ts";
import { add } from "./ops/elementwise.ts";
import { broadcast } from "./ops/views.ts";

/**
 * The gradient of a scalar.
 *
 * Only values on a path from `wrt` to the loss get a cotangent, so frozen weights cost nothing.
 *
 * @param loss A scalar: one element, whatever its shape.
 * @param wrt What to differentiate by.
 * @returns One gradient for each, of its shape; zeros where the loss does not depend on it.
 * @throws {TypeError} If the loss is not a scalar.
 */
export function grad(loss: Value, wrt: readonly Value[]): Value[] {
  if (size(loss.shape) !== 1) {
    throw new TypeError(
      `Cannot differentiate the loss as it is not a scalar: its shape is ${showShape(loss.shape)}`,
    );
  }
  return pullback([loss], [broadcast(constant(1), loss.shape)], wrt);
}

/**
 * Brings cotangents of outputs back to the values they were computed from.
 *
 * @param cts One for each output, of its shape; `null` where there is none.
 * @returns One cotangent for each of `wrt`; zeros where no output depends on it.
 */
export function pullback(
  outputs: readonly Value[],
  cts: readonly (Value | null)[],
  wrt: readonly Value[],
): Value[] {
  const order = topological(outputs);
  const onPath = dependents(order, wrt);
  const cotangents = new Map<Value, Value>();
  const give = (value: Value, ct: Value) => {
    const soFar = cotangents.get(value);
    cotangents.set(value, soFar === undefined ? ct : add(soFar, ct));
  };
  outputs.forEach((value, i) => cts[i] && give(value, cts[i]));
  for (const node of order.toReversed()) {
    const wanted = node.inputs.map((value) => onPath.has(value));
    const reached = node.outputs.map((value) => cotangents.get(value) ?? null);
    if (!wanted.includes(true) || reached.every((ct) => ct === null)) continue;
    node.op.vjp(reached, node.inputs, node.outputs, node.attrs, wanted).forEach((ct, i) => {
      if (ct !== null && wanted[i]) give(node.inputs[i]!, ct);
    });
  }
  return wrt.map((value) => cotangents.get(value) ?? broadcast(constant(0), value.shape));
}

/** The values that depend on one of `wrt`. */
function dependents(order: readonly Node[], wrt: readonly Value[]): ReadonlySet<Value> {
  const reached = new Set<Value>(wrt);
  for (const node of order) {
    if (node.inputs.some((value) => reached.has(value))) node.outputs.forEach((value) => reached.add(value));
  }
  return reached;
}

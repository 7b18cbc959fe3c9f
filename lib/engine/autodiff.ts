/**
 * Reverse-mode differentiation, from graph to graph.
 * @module
 */

import { size } from "../core/tensor.ts";
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
      `Cannot differentiate the loss as it is not a scalar: its shape is [${loss.shape.join(", ")}]`,
    );
  }
  const order = topological([loss]);
  const onPath = dependents(order, wrt);
  const cotangents = new Map<Value, Value>([[loss, broadcast(constant(1), loss.shape)]]);
  for (const node of order.toReversed()) {
    const wanted = node.inputs.map((value) => onPath.has(value));
    if (!wanted.includes(true)) continue;
    const cts = node.outputs.map((value) => cotangents.get(value) ?? null);
    if (cts.every((ct) => ct === null)) continue;
    node.op.vjp(cts, node.inputs, node.outputs, node.attrs, wanted).forEach((ct, i) => {
      if (ct === null || !wanted[i]) return;
      const value = node.inputs[i]!;
      const soFar = cotangents.get(value);
      cotangents.set(value, soFar === undefined ? ct : add(soFar, ct));
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

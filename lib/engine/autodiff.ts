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
 * @throws {TypeError} If the loss is not a scalar, or a value to differentiate by is no float.
 */
export function grad(loss: Value, wrt: readonly Value[]): Value[] {
  const frozen = wrt.find(({ dtype }) => dtype !== "f32");
  if (frozen) {
    throw new TypeError(
      `Cannot differentiate by a value as only f32 has gradients: ${frozen.dtype}${showShape(frozen.shape)}`,
    );
  }
  if (size(loss.shape) !== 1) {
    throw new TypeError(
      `Cannot differentiate the loss as it is not a scalar: its shape is ${showShape(loss.shape)}`,
    );
  }
  return pullback([loss], [broadcast(constant(1), loss.shape)], wrt);
}

/** A loss and what makes it grow. */
export interface ValueAndGrad<P extends string> {
  /** The loss, a scalar. */
  readonly value: Value;
  /** Its gradient by each parameter, of the parameter's shape. */
  readonly grads: Readonly<Record<P, Value>>;
}

/**
 * A loss and its gradient by each of its parameters. What the function captures is a constant to it.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { compile, interpreter, tensor, valueAndGrad } from "@attune/attune";
 * import { mul, sub, sum } from "@attune/attune/engine";
 *
 * const types = { w: tensor([2], [0, 0]), x: tensor([2], [0, 0]) };
 * const program = await compile(({ w, x }) => {
 *   const { value, grads } = valueAndGrad(({ w }) => sum(mul(w, mul(w, x))), { w });
 *   return { loss: value, next: sub(w, mul(grads.w, 0.5)) };
 * }, types, interpreter());
 * const { next } = program.run({ w: tensor([2], [3, 4]), x: tensor([2], [1, 0.5]) });
 * assertEquals(await interpreter().get([next!]), [tensor([2], [0, 2])]);
 * ```
 *
 * @param loss From parameters to a scalar.
 * @param params The parameters by name.
 * @throws {TypeError} If the loss is not a scalar.
 */
export function valueAndGrad<P extends string>(
  loss: (params: Readonly<Record<P, Value>>) => Value,
  params: Readonly<Record<P, Value>>,
): ValueAndGrad<P> {
  const value = loss(params);
  const names = Object.keys(params) as P[];
  const gradients = grad(value, names.map((name) => params[name]));
  const grads = Object.fromEntries(names.map((name, i) => [name, gradients[i]!])) as Record<P, Value>;
  return { value, grads };
}

/**
 * Brings cotangents of outputs back to the values they were computed from.
 *
 * @param cts One for each output, of its shape; `null` where there is none.
 * @param endsThere Whether cotangents go no further back than `wrt`, though some of these lead to others.
 * @returns One cotangent for each of `wrt`; zeros where no output depends on it.
 */
export function pullback(
  outputs: readonly Value[],
  cts: readonly (Value | null)[],
  wrt: readonly Value[],
  endsThere = false,
): Value[] {
  const ends = new Set(endsThere ? wrt : []);
  const order = topological(outputs);
  const onPath = dependents(order, wrt);
  const cotangents = new Map<Value, Value>();
  const give = (value: Value, ct: Value) => {
    const soFar = cotangents.get(value);
    cotangents.set(value, soFar === undefined ? ct : add(soFar, ct));
  };
  outputs.forEach((value, i) => cts[i] && give(value, cts[i]));
  for (const node of order.toReversed()) {
    if (node.outputs.some((value) => ends.has(value))) continue;
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

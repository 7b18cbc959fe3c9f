/**
 * Activation functions by the names that configs use.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { gelu, max, mul, quickGelu, relu, silu, tanh } from "../engine/ops/elementwise.ts";

/** Every activation by name; `none` is the identity, `leaky_relu` has the slope 0.01 below 0. */
export const activations: Readonly<Record<ActivationName, (x: Value) => Value>> = {
  none: (x) => x,
  relu,
  leaky_relu: (x) => max(x, mul(x, 0.01)),
  silu,
  gelu,
  quick_gelu: quickGelu,
  tanh,
};

/** The name of an activation. */
export type ActivationName = "none" | "relu" | "leaky_relu" | "silu" | "gelu" | "quick_gelu" | "tanh";

/** Applies an activation by name. */
export function activate(name: ActivationName, x: Value): Value {
  return activations[name](x);
}

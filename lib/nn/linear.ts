/**
 * Linear layers over the last axis, and 1x1 convolutions, which are the same in a channels-last layout.
 * @module
 */

import type { Shape } from "../core/tensor.ts";
import type { Value } from "../engine/graph.ts";
import { add } from "../engine/ops/elementwise.ts";
import { matmul } from "../engine/ops/matmul.ts";
import { reshape } from "../engine/ops/views.ts";
import { type Lora, lowRankUpdate } from "./lora.ts";
import { fanInInit, type Init, type Scope } from "./scope.ts";

/** Settings of a linear layer. */
export interface LinearOptions {
  /** Whether it adds a bias; default true. */
  readonly bias?: boolean;
  /** The adapters at the layer's place; default none. */
  readonly lora?: Lora | null;
  /** How weight and bias start; default uniform within `1 / sqrt(in)`. */
  readonly init?: LayerInit;
}

/** How a layer's parameters start. */
export interface LayerInit {
  /** The weight's distribution. */
  readonly weight: Init;
  /** The bias's distribution. */
  readonly bias: Init;
}

/**
 * `x Wᵀ + b` over the last axis.
 *
 * @param scope The layer's own place, with `weight` `[out, in]` and `bias` `[out]`.
 * @param x `[..., in]`.
 * @param out The width of the result.
 * @returns `[..., out]`.
 */
export function linear(scope: Scope, x: Value, out: number, options: LinearOptions = {}): Value {
  return project(scope, x, [out, x.shape.at(-1)!], options);
}

/** A 1x1 convolution: a {@linkcode linear} layer whose checkpoint has its weight as `[out, in, 1, 1]`. */
export function pointwise(scope: Scope, x: Value, out: number, options: LinearOptions = {}): Value {
  return project(scope, x, [out, x.shape.at(-1)!, 1, 1], options);
}

function project(scope: Scope, x: Value, shape: Shape, options: LinearOptions): Value {
  const [out, into] = shape as readonly [number, number];
  const init = options.init ?? { weight: fanInInit(into), bias: fanInInit(into) };
  const rows = reshape(x, [-1, into]);
  let y = matmul(rows, scope.factor("weight", shape, init.weight), { transposeB: true });
  if (options.bias ?? true) y = add(y, scope.param("bias", [out], init.bias));
  const update = lowRankUpdate(options.lora ?? null, rows, out);
  if (update !== null) y = add(y, update);
  return reshape(y, [...x.shape.slice(0, -1), out]);
}

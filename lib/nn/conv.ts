/**
 * Convolution layers.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { add } from "../engine/ops/elementwise.ts";
import { conv2d } from "../engine/ops/conv2d.ts";
import type { LayerInit } from "./linear.ts";
import { fanInInit, type Scope } from "./scope.ts";

/** Settings of a convolution. */
export interface ConvOptions {
  /** Distance between the places where the kernel is put; default 1. */
  readonly stride?: number;
  /** Zeros around the image: top, bottom, left, right; default one everywhere. */
  readonly padding?: readonly [number, number, number, number];
  /** How weight and bias start; default uniform within `1 / sqrt(9 in)`. */
  readonly init?: LayerInit;
}

/**
 * A 3x3 convolution with bias.
 *
 * @param scope The layer's own place, with `weight` `[out, in, 3, 3]` and `bias` `[out]`.
 * @param x `[B, H, W, in]`.
 * @param out Channels of the result.
 * @returns `[B, H', W', out]`.
 */
export function conv(scope: Scope, x: Value, out: number, options: ConvOptions = {}): Value {
  const into = x.shape.at(-1)!;
  const init = options.init ?? { weight: fanInInit(9 * into), bias: fanInInit(9 * into) };
  const weight = scope.factor("weight", [out, into, 3, 3], init.weight);
  const y = conv2d(x, weight, { stride: options.stride ?? 1, padding: options.padding ?? [1, 1, 1, 1] });
  return add(y, scope.param("bias", [out], init.bias));
}

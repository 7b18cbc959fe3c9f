/**
 * Normalisation layers. Statistics come from an op of their own; what follows is elementwise, so that it fuses with the
 * activation behind it.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { add, div, max, mul, sqrt, square, sub } from "../engine/ops/elementwise.ts";
import { normStats } from "../engine/ops/norm_stats.ts";
import { sum } from "../engine/ops/reductions.ts";
import { expand, reshape } from "../engine/ops/views.ts";
import { constantInit, type Scope } from "./scope.ts";

/** Settings of a group norm. */
export interface GroupNormOptions {
  /** Groups that the channels are split into. */
  readonly groups: number;
  /** Added to the variance. */
  readonly eps: number;
}

/**
 * Group norm (Wu & He 2018, https://arxiv.org/abs/1803.08494) over the pixels and each group's channels.
 *
 * Computed as `x scale + shift` with one scale and shift for each image and channel.
 *
 * @param scope The layer's own place, with `weight` and `bias` `[C]`.
 * @param x `[B, H, W, C]`.
 */
export function groupNorm(scope: Scope, x: Value, { groups, eps }: GroupNormOptions): Value {
  const [batch, height, width, channels] = x.shape as readonly [number, number, number, number];
  const { mean, rstd } = normStats(reshape(x, [batch, height * width, channels]), { groups, eps });
  const { weight, bias } = affine(scope, channels);
  const grouped = [groups, channels / groups];
  const scale = mul(expand(rstd, 2), reshape(weight, grouped));
  const shift = sub(reshape(bias, grouped), mul(expand(mean, 2), scale));
  const perImage = [batch, 1, 1, channels];
  return add(mul(x, reshape(scale, perImage)), reshape(shift, perImage));
}

/**
 * Layer norm (Ba et al. 2016, https://arxiv.org/abs/1607.06450) over the last axis.
 *
 * @param scope The layer's own place, with `weight` and `bias` `[D]`.
 * @param x `[..., D]`.
 * @param eps Added to the variance.
 */
export function layerNorm(scope: Scope, x: Value, eps = 1e-5): Value {
  const width = x.shape.at(-1)!;
  const { mean, rstd } = normStats(reshape(x, [-1, 1, width]), { groups: 1, eps });
  const { weight, bias } = affine(scope, width);
  const perRow = [...x.shape.slice(0, -1), 1];
  const normal = mul(sub(x, reshape(mean, perRow)), reshape(rstd, perRow));
  return add(mul(normal, weight), bias);
}

/** Scales the vectors along the last axis to length 1; those shorter than 1e-12 are divided by 1e-12. */
export function normalize(x: Value): Value {
  const length = sqrt(max(sum(square(x), [-1], { keep: true }), 1e-24));
  return div(x, length);
}

function affine(scope: Scope, width: number): { weight: Value; bias: Value } {
  return {
    weight: scope.param("weight", [width], constantInit(1)),
    bias: scope.param("bias", [width], constantInit(0)),
  };
}

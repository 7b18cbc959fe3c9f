/**
 * Normalisation layers. Statistics come from an op of their own; what follows is elementwise, so that it fuses with the
 * activation behind it.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { concat } from "../engine/ops/concat.ts";
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
export function groupNorm(scope: Scope, x: Value, options: GroupNormOptions): Value {
  return bandsGroupNorm(scope, [x], options)[0]!;
}

/**
 * The same of images in bands of rows, each a multiple of {@linkcode blockRows} high.
 *
 * Mean and deviation of large images are those of blocks of rows, put together: however an image is cut, the bits are the same.
 *
 * @param bands `[B, h, W, C]` each, from top to bottom.
 */
export function bandsGroupNorm(
  scope: Scope,
  bands: readonly Value[],
  { groups, eps }: GroupNormOptions,
): readonly Value[] {
  const [batch, , , channels] = bands[0]!.shape as readonly [number, number, number, number];
  const { mean, rstd } = imageStats(bands, groups, eps);
  const { weight, bias } = affine(scope, channels);
  const grouped = [groups, channels / groups];
  const scale = mul(expand(rstd, 2), reshape(weight, grouped));
  const shift = sub(reshape(bias, grouped), mul(expand(mean, 2), scale));
  const perImage = [batch, 1, 1, channels];
  return bands.map((x) => add(mul(x, reshape(scale, perImage)), reshape(shift, perImage)));
}

/** Pixels whose statistics are taken at once: all of an image that is no larger. */
const BLOCK_PIXELS = 128 * 128;

/** Rows of an image whose statistics are taken at once: all, or so many that they divide its height. */
export function blockRows(height: number, width: number): number {
  let rows = Math.min(height, Math.max(1, Math.floor(BLOCK_PIXELS / width)));
  while (height % rows !== 0) rows--;
  return rows;
}

/**
 * Statistics of whole images, `[B, groups]`: `Σ (rstd_i⁻² + (mean_i - mean)²) / n` is the variance with `eps`, as each of the
 * `n` blocks has as many pixels as the next.
 */
function imageStats(bands: readonly Value[], groups: number, eps: number): { mean: Value; rstd: Value } {
  const [batch, , width, channels] = bands[0]!.shape as readonly [number, number, number, number];
  const height = bands.reduce((sum, { shape }) => sum + shape[1]!, 0);
  const rows = blockRows(height, width);
  const stats = bands.map((band) => {
    const count = band.shape[1]! / rows;
    const { mean, rstd } = normStats(reshape(band, [batch * count, rows * width, channels]), { groups, eps });
    return { mean: reshape(mean, [batch, count, groups]), rstd: reshape(rstd, [batch, count, groups]) };
  });
  if (rows === height) {
    const { mean, rstd } = stats[0]!;
    return { mean: reshape(mean, [batch, groups]), rstd: reshape(rstd, [batch, groups]) };
  }
  const means = joined(stats.map(({ mean }) => mean));
  const rstds = joined(stats.map(({ rstd }) => rstd));
  const count = height / rows;
  const mean = mul(sum(means, [1]), 1 / count);
  const variances = add(div(1, square(rstds)), square(sub(means, expand(mean, 1))));
  return { mean, rstd: div(1, sqrt(mul(sum(variances, [1]), 1 / count))) };
}

function joined(parts: readonly Value[]): Value {
  return parts.length === 1 ? parts[0]! : concat(parts, 1);
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

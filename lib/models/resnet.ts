/**
 * The residual block of UNet, autoencoder and image towers.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { add, silu } from "../engine/ops/elementwise.ts";
import { reshape } from "../engine/ops/views.ts";
import { type Bands, bandsConv } from "../nn/bands.ts";
import { linear, pointwise } from "../nn/linear.ts";
import { bandsGroupNorm, type GroupNormOptions } from "../nn/norm.ts";
import type { Scope } from "../nn/scope.ts";

/**
 * Norm, SiLU and convolution, twice, beside a shortcut (diffusers' `ResnetBlock2D`).
 *
 * @param scope The block's own place.
 * @param x `[B, H, W, in]`.
 * @param out Channels of the result; where they are not those of `x` the shortcut is a 1x1 convolution.
 * @param time `[B, E]`, the activated embedding of the timestep, added between the convolutions; `null`: none.
 * @returns `[B, H, W, out]`.
 */
export function resnetBlock(
  scope: Scope,
  x: Value,
  out: number,
  time: Value | null,
  norm: GroupNormOptions,
): Value {
  return bandsResnetBlock(scope, [x], out, time, norm)[0]!;
}

/** The same of images in bands of rows. */
export function bandsResnetBlock(
  scope: Scope,
  bands: Bands,
  out: number,
  time: Value | null,
  norm: GroupNormOptions,
): Bands {
  const [batch, , , into] = bands[0]!.shape as readonly [number, number, number, number];
  const activated = (name: string, bands: Bands) =>
    bandsGroupNorm(scope.at(name), bands, norm).map(silu).map(scope.kept);
  let ys = bandsConv(scope.at("conv1"), activated("norm1", bands), out);
  if (time !== null) {
    const shift = reshape(linear(scope.at("time_emb_proj"), time, out), [batch, 1, 1, out]);
    ys = ys.map((y) => add(y, shift));
  }
  ys = bandsConv(scope.at("conv2"), activated("norm2", ys.map(scope.kept)), out);
  const shortcut = (x: Value) => into === out ? x : pointwise(scope.at("conv_shortcut"), x, out);
  return bands.map((x, i) => scope.kept(add(shortcut(x), ys[i]!)));
}

/**
 * The residual block of UNet, autoencoder and image towers.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { add, silu } from "../engine/ops/elementwise.ts";
import { reshape } from "../engine/ops/views.ts";
import { conv } from "../nn/conv.ts";
import { linear, pointwise } from "../nn/linear.ts";
import { groupNorm, type GroupNormOptions } from "../nn/norm.ts";
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
  const [batch, , , into] = x.shape as readonly [number, number, number, number];
  let y = conv(scope.at("conv1"), silu(groupNorm(scope.at("norm1"), x, norm)), out);
  if (time !== null) {
    y = add(y, reshape(linear(scope.at("time_emb_proj"), time, out), [batch, 1, 1, out]));
  }
  y = conv(scope.at("conv2"), silu(groupNorm(scope.at("norm2"), y, norm)), out);
  return add(into === out ? x : pointwise(scope.at("conv_shortcut"), x, out), y);
}

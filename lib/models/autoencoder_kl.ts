/**
 * The autoencoder between images and latents (diffusers' `AutoencoderKL`; Rombach et al. 2022,
 * https://arxiv.org/abs/2112.10752).
 * @module
 */

import { input, type Value } from "../engine/graph.ts";
import { add, clamp, exp, mul, silu } from "../engine/ops/elementwise.ts";
import { reshape, slice } from "../engine/ops/views.ts";
import { diffusersAttention, multiHeadAttention } from "../nn/attention.ts";
import { conv } from "../nn/conv.ts";
import { pointwise } from "../nn/linear.ts";
import { groupNorm, type GroupNormOptions } from "../nn/norm.ts";
import { upsampleNearest2x } from "../nn/resample.ts";
import { declareParams, type ParamSpec, type Scope } from "../nn/scope.ts";
import type { AutoencoderKLConfig } from "./autoencoder_config.ts";
import { resnetBlock } from "./resnet.ts";

/** A normal distribution over latents, each element on its own. */
export interface LatentDistribution {
  /** Means `[B, H, W, latent_channels]`. */
  readonly mean: Value;
  /** Logarithms of the variances `[B, H, W, latent_channels]`, in -30..20. */
  readonly logvar: Value;
}

/**
 * Encodes images.
 *
 * @param scope The autoencoder's parameters.
 * @param images `[B, 2^n H, 2^n W, in_channels]` in -1..1, `n` one less than the number of stages.
 * @returns Latents as the autoencoder scales them: the UNet wants them times `scaling_factor`.
 */
export function encode(scope: Scope, config: AutoencoderKLConfig, images: Value): LatentDistribution {
  const { block_out_channels: channels, layers_per_block: layers, latent_channels: latent } = config;
  const norm = normOptions(config);
  const encoder = scope.at("encoder");
  let x = conv(encoder.at("conv_in"), images, channels[0]!);
  channels.forEach((out, level) => {
    const stage = encoder.at(`down_blocks.${level}`);
    x = resnets(stage, x, out, layers, norm);
    if (level + 1 < channels.length) {
      x = conv(stage.at("downsamplers.0.conv"), x, out, { stride: 2, padding: [0, 1, 0, 1] });
    }
  });
  x = midBlock(encoder.at("mid_block"), x, norm);
  x = conv(encoder.at("conv_out"), silu(groupNorm(encoder.at("conv_norm_out"), x, norm)), 2 * latent);
  const moments = pointwise(scope.at("quant_conv"), x, 2 * latent);
  return {
    mean: slice(moments, -1, 0, latent),
    logvar: clamp(slice(moments, -1, latent, 2 * latent), -30, 20),
  };
}

/** Draws latents: `mean + exp(logvar / 2) noise`, with standard normal noise of the mean's shape. */
export function sampleLatents({ mean, logvar }: LatentDistribution, noise: Value): Value {
  return add(mean, mul(exp(mul(logvar, 0.5)), noise));
}

/**
 * Decodes latents.
 *
 * @param scope The autoencoder's parameters.
 * @param latents `[B, H, W, latent_channels]`, already divided by `scaling_factor`.
 * @returns Images `[B, 2^n H, 2^n W, out_channels]`, about -1..1, not clamped.
 */
export function decode(scope: Scope, config: AutoencoderKLConfig, latents: Value): Value {
  const { block_out_channels: channels, layers_per_block: layers } = config;
  const norm = normOptions(config);
  const decoder = scope.at("decoder");
  let x = pointwise(scope.at("post_quant_conv"), latents, config.latent_channels);
  x = conv(decoder.at("conv_in"), x, channels.at(-1)!);
  x = midBlock(decoder.at("mid_block"), x, norm);
  channels.toReversed().forEach((out, i) => {
    const stage = decoder.at(`up_blocks.${i}`);
    x = resnets(stage, x, out, layers + 1, norm);
    if (i + 1 < channels.length) x = conv(stage.at("upsamplers.0.conv"), upsampleNearest2x(x), out);
  });
  return conv(
    decoder.at("conv_out"),
    silu(groupNorm(decoder.at("conv_norm_out"), x, norm)),
    config.out_channels,
  );
}

/** Lists the autoencoder's parameters. */
export function declareAutoencoder(config: AutoencoderKLConfig): ParamSpec[] {
  const side = 2 ** (config.block_out_channels.length - 1);
  return declareParams((scope) => {
    encode(scope, config, input("images", [1, side, side, config.in_channels]));
    decode(scope, config, input("latents", [1, 1, 1, config.latent_channels]));
  });
}

/** Residual blocks in a row. */
function resnets(scope: Scope, x: Value, out: number, layers: number, norm: GroupNormOptions): Value {
  let y = x;
  for (let i = 0; i < layers; i++) y = resnetBlock(scope.at(`resnets.${i}`), y, out, null, norm);
  return y;
}

/** A residual block, an attention of one head over all pixels, a residual block. */
function midBlock(scope: Scope, x: Value, norm: GroupNormOptions): Value {
  const [batch, height, width, channels] = x.shape as readonly [number, number, number, number];
  const before = resnetBlock(scope.at("resnets.0"), x, channels, null, norm);
  const place = scope.at("attentions.0");
  const pixels = reshape(groupNorm(place.at("group_norm"), before, norm), [batch, height * width, channels]);
  const attended = multiHeadAttention(place, pixels, pixels, { names: diffusersAttention, heads: 1 });
  const after = add(reshape(attended, x.shape), before);
  return resnetBlock(scope.at("resnets.1"), after, channels, null, norm);
}

function normOptions(config: AutoencoderKLConfig): GroupNormOptions {
  return { groups: config.norm_num_groups, eps: 1e-6 };
}

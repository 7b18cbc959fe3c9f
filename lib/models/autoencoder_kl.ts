/**
 * The autoencoder between images and latents (diffusers' `AutoencoderKL`; Rombach et al. 2022,
 * https://arxiv.org/abs/2112.10752).
 * @module
 */

import type { Shape } from "../core/tensor.ts";
import { input, type Value } from "../engine/graph.ts";
import { concat } from "../engine/ops/concat.ts";
import { add, clamp, exp, mul, silu } from "../engine/ops/elementwise.ts";
import { reshape, slice } from "../engine/ops/views.ts";
import { diffusersAttention, multiHeadAttention } from "../nn/attention.ts";
import { bandRows, type Bands, bandsConv, bandsHeight, cutBands, joinBands } from "../nn/bands.ts";
import { conv } from "../nn/conv.ts";
import { pointwise } from "../nn/linear.ts";
import { bandsGroupNorm, groupNorm, type GroupNormOptions } from "../nn/norm.ts";
import { upsampleNearest2x } from "../nn/resample.ts";
import { declareParams, type ParamSpec, type Scope } from "../nn/scope.ts";
import type { AutoencoderKLConfig } from "./autoencoder_config.ts";
import { bandsResnetBlock, resnetBlock } from "./resnet.ts";

/** A normal distribution over latents, each element on its own. */
export interface LatentDistribution {
  /** Means `[B, H, W, latent_channels]`. */
  readonly mean: Value;
  /** Logarithms of the variances `[B, H, W, latent_channels]`, in -30..20. */
  readonly logvar: Value;
}

/** How images are encoded and decoded; not what, to the bit. */
export interface AutoencoderOptions {
  /** Bytes that no tensor should exceed: larger images are worked on in bands of rows; default any. */
  readonly bandBytes?: number;
}

/**
 * Encodes images.
 *
 * @param scope The autoencoder's parameters.
 * @param images `[B, 2^n H, 2^n W, in_channels]` in -1..1, `n` one less than the number of stages.
 * @returns Latents as the autoencoder scales them: the UNet wants them times `scaling_factor`.
 */
export function encode(
  scope: Scope,
  config: AutoencoderKLConfig,
  images: Value,
  { bandBytes = Infinity }: AutoencoderOptions = {},
): LatentDistribution {
  const { block_out_channels: channels, layers_per_block: layers, latent_channels: latent } = config;
  const norm = normOptions(config);
  const encoder = scope.at("encoder");
  const fitting = (bands: Bands, channels: number) =>
    cutBands(bands, fittingRows(bands, 1, channels, bandBytes));
  let bands: Bands = bandsConv(encoder.at("conv_in"), fitting([images], channels[0]!), channels[0]!).map(
    scope.kept,
  );
  channels.forEach((out, level) => {
    const stage = encoder.at(`down_blocks.${level}`);
    bands = resnets(stage, bands, out, layers, norm);
    if (level + 1 === channels.length) return;
    const smaller = bandsConv(stage.at("downsamplers.0.conv"), bands, out, {
      stride: 2,
      padding: [0, 1, 0, 1],
    });
    bands = fitting(smaller.map(scope.kept), channels[level + 1]!);
  });
  let x = midBlock(encoder.at("mid_block"), joinBands(bands), norm);
  const activated = scope.kept(silu(groupNorm(encoder.at("conv_norm_out"), x, norm)));
  x = conv(encoder.at("conv_out"), activated, 2 * latent);
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
export function decode(
  scope: Scope,
  config: AutoencoderKLConfig,
  latents: Value,
  { bandBytes = Infinity }: AutoencoderOptions = {},
): Value {
  const [batch] = latents.shape as readonly [number];
  const each = imagesAtOnce(config, latents.shape, bandBytes);
  const groups = Array.from(
    { length: Math.ceil(batch / each) },
    (_, i) => slice(latents, 0, i * each, Math.min(batch, (i + 1) * each)),
  );
  return concat(groups.map((group) => decodeTogether(scope, config, group, bandBytes)), 0);
}

/** How many images can be decoded together so that their thinnest bands, a row above and below included, fit; 1 at the least. */
function imagesAtOnce(
  { block_out_channels: channels }: AutoencoderKLConfig,
  [batch, height, width]: Shape,
  bytes: number,
): number {
  const largest = channels.toReversed().map((out, i, all) => {
    const [h, w] = [height! * 2 ** i, width! * 2 ** i];
    const rows = Math.min(h, bandRows([1, h, w, out], 0) + 2);
    return 4 * rows * w * Math.max(out, all[i - 1] ?? 0);
  });
  return Math.max(1, Math.min(batch!, Math.floor(bytes / Math.max(...largest))));
}

function decodeTogether(scope: Scope, config: AutoencoderKLConfig, latents: Value, bandBytes: number): Value {
  const { block_out_channels: channels, layers_per_block: layers } = config;
  const norm = normOptions(config);
  const decoder = scope.at("decoder");
  let x = pointwise(scope.at("post_quant_conv"), latents, config.latent_channels);
  x = scope.kept(conv(decoder.at("conv_in"), x, channels.at(-1)!));
  let bands: Bands = [midBlock(decoder.at("mid_block"), x, norm)];
  channels.toReversed().forEach((out, i) => {
    const stage = decoder.at(`up_blocks.${i}`);
    bands = resnets(stage, bands, out, layers + 1, norm);
    if (i + 1 === channels.length) return;
    // Cut first: bands of what is larger then are never one.
    const rows = fittingRows(bands, 2, out, bandBytes) / 2;
    const larger = cutBands(bands, rows).map(upsampleNearest2x);
    bands = bandsConv(stage.at("upsamplers.0.conv"), larger, out).map(scope.kept);
  });
  const activated = bandsGroupNorm(decoder.at("conv_norm_out"), bands, norm).map(silu).map(scope.kept);
  return joinBands(bandsConv(decoder.at("conv_out"), activated, config.out_channels));
}

/** Lists the autoencoder's parameters. */
export function declareAutoencoder(config: AutoencoderKLConfig): ParamSpec[] {
  const side = 2 ** (config.block_out_channels.length - 1);
  return declareParams((scope) => {
    encode(scope, config, input("images", [1, side, side, config.in_channels]));
    decode(scope, config, input("latents", [1, 1, 1, config.latent_channels]));
  });
}

/** Rows of bands that fit once the images are `scale` times as large and have so many channels. */
function fittingRows(bands: Bands, scale: number, channels: number, bytes: number): number {
  const [batch, , width] = bands[0]!.shape as readonly [number, number, number];
  return bandRows([batch, scale * bandsHeight(bands), scale * width, channels], bytes);
}

/** Residual blocks in a row. */
function resnets(scope: Scope, bands: Bands, out: number, layers: number, norm: GroupNormOptions): Bands {
  let ys = bands;
  for (let i = 0; i < layers; i++) ys = bandsResnetBlock(scope.at(`resnets.${i}`), ys, out, null, norm);
  return ys;
}

/** A residual block, an attention of one head over all pixels, a residual block. */
function midBlock(scope: Scope, x: Value, norm: GroupNormOptions): Value {
  const [batch, height, width, channels] = x.shape as readonly [number, number, number, number];
  const before = resnetBlock(scope.at("resnets.0"), x, channels, null, norm);
  const place = scope.at("attentions.0");
  const normal = scope.kept(groupNorm(place.at("group_norm"), before, norm));
  const pixels = reshape(normal, [batch, height * width, channels]);
  const attended = multiHeadAttention(place, pixels, pixels, { names: diffusersAttention, heads: 1 });
  const after = scope.kept(add(reshape(attended, x.shape), before));
  return resnetBlock(scope.at("resnets.1"), after, channels, null, norm);
}

function normOptions(config: AutoencoderKLConfig): GroupNormOptions {
  return { groups: config.norm_num_groups, eps: 1e-6 };
}

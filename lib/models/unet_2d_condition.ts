/**
 * The UNet that predicts the noise in latents (diffusers' `UNet2DConditionModel`), up to Stable Diffusion's.
 * @module
 */

import { showShape } from "../core/tensor.ts";
import { input, type Value } from "../engine/graph.ts";
import { silu } from "../engine/ops/elementwise.ts";
import { mean } from "../engine/ops/reductions.ts";
import { conv } from "../nn/conv.ts";
import { linear } from "../nn/linear.ts";
import { type Lora, loraAt } from "../nn/lora.ts";
import { groupNorm } from "../nn/norm.ts";
import { constantInit, declareParams, type ParamSpec, type Scope } from "../nn/scope.ts";
import { timestepEmbedding } from "../nn/timestep_embedding.ts";
import { type LoraConfig, loraOver } from "./lora.ts";
import { downBlock, midBlock, type UNetStage, upBlock } from "./unet_blocks.ts";
import type { UNet2DConditionConfig } from "./unet_config.ts";

/** What the UNet looks at. */
export interface UNetInputs {
  /** Noisy latents `[B, H, W, in_channels]`; H and W are multiples of 2 to the number of halvings. */
  readonly sample: Value;
  /** Timesteps `[B]`, in 0..999. */
  readonly timestep: Value;
  /** The prompts' hidden states `[B, S, cross_attention_dim]`. */
  readonly context: Value;
}

/** How the UNet is computed; not what. */
export interface UNetOptions {
  /** Whether the backward pass computes each residual block and attention again instead of keeping them; default false. */
  readonly rematerialise?: boolean;
  /** Bytes that no tensor should exceed, where cutting it into rows can do that; default any. */
  readonly mostBytes?: number;
}

/**
 * Predicts the noise in latents.
 *
 * @param scope The UNet's parameters.
 * @param lora Its adapters; `null`: none.
 * @returns `eps` `[B, H, W, out_channels]`.
 * @throws {TypeError} If the inputs do not fit the config.
 */
export function unet(
  scope: Scope,
  config: UNet2DConditionConfig,
  inputs: UNetInputs,
  lora: Lora | null = null,
  options: UNetOptions = {},
): Value {
  const { middle, skips, stage, conditions } = toTheMiddle(scope, config, inputs, lora, options);
  const last = config.block_out_channels.length - 1;
  let x = middle;
  config.up_block_types.forEach((type, i) => {
    const up = stage(`up_blocks.${i}`, last - i, type === "CrossAttnUpBlock2D", i < last);
    const own = skips.splice(-(config.layers_per_block + 1)).reverse();
    x = upBlock(up, x, own, conditions);
  });
  return output(scope, config, x);
}

/**
 * What the base model has in its middle: the middle block's output as mean over space, for which half of it is computed.
 *
 * @param scope The UNet's parameters.
 * @returns `[B, D]`, with `D` the last of `block_out_channels`.
 * @throws {TypeError} If the inputs do not fit the config.
 */
export function unetFeatures(
  scope: Scope,
  config: UNet2DConditionConfig,
  inputs: UNetInputs,
  options: UNetOptions = {},
): Value {
  return mean(toTheMiddle(scope, config, inputs, null, options).middle, [1, 2]);
}

/** What there is once the middle block is through; skips in the order they came. */
interface Middle {
  readonly middle: Value;
  readonly skips: Value[];
  readonly stage: (name: string, level: number, attends: boolean, resamples: boolean) => UNetStage;
  readonly conditions: { readonly time: Value; readonly context: Value };
}

function toTheMiddle(
  scope: Scope,
  config: UNet2DConditionConfig,
  { sample, timestep, context }: UNetInputs,
  lora: Lora | null,
  { rematerialise = false, mostBytes = Infinity }: UNetOptions,
): Middle {
  checkInputs(config, sample, context);
  const { block_out_channels: channels, attention_head_dim: heads } = config;
  const last = channels.length - 1;
  const time = timeEmbedding(scope.at("time_embedding"), config, timestep);
  const conditions = { time, context };
  const stage = (name: string, level: number, attends: boolean, resamples: boolean): UNetStage => ({
    scope: scope.at(name),
    lora: loraAt(lora, name),
    config,
    channels: channels[level]!,
    heads: attends ? heads[level]! : null,
    resamples,
    rematerialise,
    mostBytes,
  });

  const first = scope.kept(conv(scope.at("conv_in"), sample, channels[0]!));
  const skips = [first];
  config.down_block_types.forEach((type, level) => {
    const down = stage(`down_blocks.${level}`, level, type === "CrossAttnDownBlock2D", level < last);
    skips.push(...downBlock(down, skips.at(-1)!, conditions));
  });
  const middle = midBlock(stage("mid_block", last, true, false), skips.at(-1)!, conditions);
  return { middle, skips, stage, conditions };
}

/** Lists the UNet's parameters. */
export function declareUNet(config: UNet2DConditionConfig): ParamSpec[] {
  return declareParams((scope) => unet(scope, config, exampleInputs(config)));
}

/** Lists the parameters of the UNet's adapters. */
export function declareUNetLora(config: UNet2DConditionConfig, lora: LoraConfig): ParamSpec[] {
  let specs: ParamSpec[] = [];
  declareParams((scope) => {
    specs = declareParams((adapters) => unet(scope, config, exampleInputs(config), loraOver(adapters, lora)));
  });
  return specs;
}

/** Two layers over the sinusoidal embedding of the timestep, activated as every residual block wants it. */
function timeEmbedding(scope: Scope, config: UNet2DConditionConfig, timestep: Value): Value {
  const [width] = config.block_out_channels as readonly [number];
  const waves = timestepEmbedding(timestep, width, config);
  const hidden = silu(linear(scope.at("linear_1"), waves, 4 * width));
  return silu(linear(scope.at("linear_2"), hidden, 4 * width));
}

/** The last convolution starts at 0, so that an untrained UNet predicts the mean noise. */
function output(scope: Scope, config: UNet2DConditionConfig, x: Value): Value {
  const norm = { groups: config.norm_num_groups, eps: config.norm_eps };
  const init = { weight: constantInit(0), bias: constantInit(0) };
  return conv(
    scope.at("conv_out"),
    scope.kept(silu(groupNorm(scope.at("conv_norm_out"), x, norm))),
    config.out_channels,
    {
      init,
    },
  );
}

function checkInputs(config: UNet2DConditionConfig, sample: Value, context: Value): void {
  const step = 2 ** (config.block_out_channels.length - 1);
  const [, height, width, channels] = sample.shape;
  if (channels !== config.in_channels || height! % step !== 0 || width! % step !== 0) {
    throw new TypeError(
      `Cannot apply the UNet as the sample does not fit: ${showShape(sample.shape)} where ` +
        `[B, H, W, ${config.in_channels}] is needed, H and W multiples of ${step}`,
    );
  }
  if (context.shape[2] !== config.cross_attention_dim) {
    throw new TypeError(
      `Cannot apply the UNet as the context does not fit: ${showShape(context.shape)} where ` +
        `[B, S, ${config.cross_attention_dim}] is needed`,
    );
  }
}

/** The smallest inputs that the config allows, to declare by. */
function exampleInputs(config: UNet2DConditionConfig): UNetInputs {
  const side = 2 ** (config.block_out_channels.length - 1);
  return {
    sample: input("sample", [1, side, side, config.in_channels]),
    timestep: input("timestep", [1]),
    context: input("context", [1, 1, config.cross_attention_dim]),
  };
}

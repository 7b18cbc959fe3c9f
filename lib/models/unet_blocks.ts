/**
 * The UNet's stages: down, middle and up.
 * @module
 */

import { checkpoint } from "../engine/checkpoint.ts";
import type { Value } from "../engine/graph.ts";
import { concat } from "../engine/ops/concat.ts";
import { conv } from "../nn/conv.ts";
import { type Lora, loraAt } from "../nn/lora.ts";
import { upsampleNearest2x } from "../nn/resample.ts";
import type { Scope } from "../nn/scope.ts";
import { resnetBlock } from "./resnet.ts";
import { transformer2d } from "./transformer_2d.ts";
import type { UNet2DConditionConfig } from "./unet_config.ts";

/** Where a stage is and what it is made of. */
export interface UNetStage {
  /** Its own place. */
  readonly scope: Scope;
  /** The adapters at its place. */
  readonly lora: Lora | null;
  /** The UNet's config. */
  readonly config: UNet2DConditionConfig;
  /** Channels it works in. */
  readonly channels: number;
  /** Heads of its attention; `null`: it has none. */
  readonly heads: number | null;
  /** Whether it ends by changing the resolution. */
  readonly resamples: boolean;
  /** Whether the backward pass computes each residual block and each attention again instead of keeping them. */
  readonly rematerialise: boolean;
  /** Bytes that no tensor should exceed, where cutting it into rows can do that. */
  readonly mostBytes: number;
}

/** What conditions every stage. */
export interface UNetConditions {
  /** The activated embedding of the timestep `[B, E]`. */
  readonly time: Value;
  /** The prompt's hidden states `[B, S, D]`. */
  readonly context: Value;
}

/**
 * A stage on the way down.
 *
 * @param x `[B, H, W, in]`.
 * @returns The results of its layers, finest first: what the way up gets back; the last one goes on down.
 */
export function downBlock(stage: UNetStage, x: Value, conditions: UNetConditions): Value[] {
  const { scope, config, channels, resamples } = stage;
  const results: Value[] = [];
  for (let layer = 0; layer < config.layers_per_block; layer++) {
    results.push(unetLayer(stage, layer, [results.at(-1) ?? x], conditions));
  }
  if (resamples) {
    const padding = config.downsample_padding === 1 ? [1, 1, 1, 1] as const : [0, 1, 0, 1] as const;
    const down = conv(scope.at("downsamplers.0.conv"), results.at(-1)!, channels, { stride: 2, padding });
    results.push(scope.kept(down));
  }
  return results;
}

/** The stage in the middle: a residual block, an attention, a residual block. */
export function midBlock(stage: UNetStage, x: Value, conditions: UNetConditions): Value {
  const attended = unetLayer(stage, 0, [x], conditions);
  return unetLayer({ ...stage, heads: null }, 1, [attended], conditions);
}

/**
 * A stage on the way up.
 *
 * @param x `[B, H, W, in]`.
 * @param skips What the way down left for each of its layers, the first layer's first.
 * @returns `[B, 2H, 2W, channels]`, or `[B, H, W, channels]` where the stage does not resample.
 */
export function upBlock(
  stage: UNetStage,
  x: Value,
  skips: readonly Value[],
  conditions: UNetConditions,
): Value {
  const result = skips.reduce(
    (soFar, skip, layer) => unetLayer(stage, layer, [soFar, skip], conditions),
    x,
  );
  if (!stage.resamples) return result;
  const { scope, channels } = stage;
  return scope.kept(conv(scope.at("upsamplers.0.conv"), upsampleNearest2x(result), channels));
}

/**
 * A residual block, and an attention behind it where the stage has some.
 *
 * @param parts What it works on, by channels.
 */
function unetLayer(
  { scope, lora, config, channels, heads, rematerialise, mostBytes }: UNetStage,
  layer: number,
  parts: readonly Value[],
  { time, context }: UNetConditions,
): Value {
  const norm = { groups: config.norm_num_groups, eps: config.norm_eps };
  const [y] = checkpoint(
    ([time, ...parts]) => {
      const x = parts.length === 1 ? parts[0]! : concat(parts, -1);
      return [resnetBlock(scope.at(`resnets.${layer}`), x, channels, time!, norm)];
    },
    [time, ...parts],
    { rematerialise },
  ) as readonly [Value];
  if (heads === null) return y;
  const name = `attentions.${layer}`;
  const options = {
    heads,
    layers: config.transformer_layers_per_block,
    groups: config.norm_num_groups,
    linearProjection: config.use_linear_projection,
    mostBytes,
  };
  const [attended] = checkpoint(
    ([y, context]) => [transformer2d(scope.at(name), y!, context!, options, loraAt(lora, name))],
    [y, context],
    { rematerialise },
  ) as readonly [Value];
  return attended;
}

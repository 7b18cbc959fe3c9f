/**
 * An image tower of convolutions: the second architecture of the judges, so that they do not fail where a transformer does.
 * @module
 */

import { input, type Value } from "../engine/graph.ts";
import { silu } from "../engine/ops/elementwise.ts";
import { mean } from "../engine/ops/reductions.ts";
import { conv } from "../nn/conv.ts";
import { linear } from "../nn/linear.ts";
import { groupNorm } from "../nn/norm.ts";
import { declareParams, normalInit, type ParamSpec, type Scope } from "../nn/scope.ts";
import { checkDivides, checkLength, count, counts, fieldsOf, real, unsupported } from "./fields.ts";
import { resnetBlock } from "./resnet.ts";

/** What there is to know of a tower of convolutions. */
export interface ConvTowerConfig {
  /** Height and width of the images in pixels. */
  readonly image_size: number;
  /** Channels of the images. */
  readonly num_channels: number;
  /** Channels of each stage; every stage but the first halves the image. */
  readonly block_out_channels: readonly number[];
  /** Residual blocks at the end of each stage. */
  readonly res_blocks: readonly number[];
  /** Groups of every group norm. */
  readonly norm_num_groups: number;
  /** Added to the variance in every group norm. */
  readonly norm_eps: number;
  /** Width of the space that texts and images share. */
  readonly projection_dim: number;
}

/**
 * Reads a config; missing keys are those of the tower for 32x32 images.
 *
 * @throws {TypeError | RangeError} Naming the key and value that are wrong.
 */
export function parseConvTowerConfig(json: unknown): ConvTowerConfig {
  const fields = fieldsOf("the convolution tower", json);
  const res_blocks = fields.json.res_blocks ?? [0, 0, 1, 1];
  if (!Array.isArray(res_blocks) || res_blocks.some((n) => !Number.isInteger(n) || n < 0)) {
    throw unsupported(fields, "res_blocks", res_blocks, [[0, 0, 1, 1]]);
  }
  const config: ConvTowerConfig = {
    image_size: count(fields, "image_size", 32),
    num_channels: count(fields, "num_channels", 3),
    block_out_channels: counts(fields, "block_out_channels", [24, 48, 64, 128]),
    res_blocks,
    norm_num_groups: count(fields, "norm_num_groups", 8),
    norm_eps: real(fields, "norm_eps", 1e-5),
    projection_dim: count(fields, "projection_dim", 64),
  };
  checkLength(fields, "res_blocks", res_blocks, config.block_out_channels.length);
  checkDivides(fields, "norm_num_groups", config.norm_num_groups, config.block_out_channels);
  return config;
}

/**
 * Looks at images: in each stage a convolution, a norm, an activation and residual blocks, then the mean over the pixels.
 *
 * @param scope The tower's parameters.
 * @param images `[B, H, W, num_channels]`, normalised as it was trained.
 * @returns Embeddings in the space shared with texts, `[B, projection_dim]`, not of length 1.
 */
export function convTower(scope: Scope, config: ConvTowerConfig, images: Value): Value {
  const { block_out_channels: channels, projection_dim } = config;
  const norm = { groups: config.norm_num_groups, eps: config.norm_eps };
  let x = images;
  channels.forEach((out, level) => {
    const stage = scope.at(`stages.${level}`);
    x = scope.kept(conv(stage.at("conv"), x, out, { stride: level === 0 ? 1 : 2 }));
    x = scope.kept(silu(groupNorm(stage.at("norm"), x, norm)));
    for (let i = 0; i < config.res_blocks[level]!; i++) {
      x = resnetBlock(stage.at(`resnets.${i}`), x, out, null, norm);
    }
  });
  const pooled = mean(silu(groupNorm(scope.at("norm_out"), x, norm)), [1, 2]);
  const weight = normalInit(channels.at(-1)! ** -0.5);
  const init = { weight, bias: weight };
  return linear(scope.at("visual_projection"), pooled, projection_dim, { bias: false, init });
}

/** Lists the tower's parameters. */
export function declareConvTower(config: ConvTowerConfig): ParamSpec[] {
  const { image_size: side, num_channels } = config;
  return declareParams((scope) => convTower(scope, config, input("images", [1, side, side, num_channels])));
}

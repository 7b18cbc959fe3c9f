/**
 * The towers of the embedded model's rewards. No two rewards share one, so that what deceives one does not deceive all.
 * @module
 */

import type { ClipEncoderConfig, ClipTextConfig, ClipVisionConfig } from "../models/clip_config.ts";
import { parseConvTowerConfig } from "../models/conv_tower.ts";
import type { DualEncoderConfig } from "./dual_encoder.ts";

/** CLIP-A, whose image tower `mini_aesthetic` and the critic look through. Its text tower is the embedded model's. */
export const miniClipConfig: DualEncoderConfig & { readonly vision_config: ClipVisionConfig } = {
  text_config: textTower(96, 2),
  vision_config: imageTower(96, 4),
};

/** CLIP-B, which is `mini_pick`: convolutions. */
export const miniPickConfig: DualEncoderConfig = {
  text_config: textTower(96, 2),
  vision_config: parseConvTowerConfig({}),
};

/** CLIP-C, which is `mini_hps`: a small transformer. */
export const miniHpsConfig: DualEncoderConfig = {
  text_config: textTower(64, 2),
  vision_config: imageTower(64, 3),
};

/** The gold's CLIP: the largest. */
export const goldClipConfig: DualEncoderConfig = {
  text_config: textTower(96, 2),
  vision_config: imageTower(128, 4),
};

function textTower(width: number, layers: number): ClipTextConfig {
  return { ...tower(width, layers), vocab_size: 1024, max_position_embeddings: 16, eos_token_id: 1023 };
}

function imageTower(width: number, layers: number): ClipVisionConfig {
  return { ...tower(width, layers), image_size: 32, patch_size: 8, num_channels: 3 };
}

/** Heads of 32 channels, MLPs four times as wide as the tower, a shared space of 64. */
function tower(width: number, layers: number): ClipEncoderConfig {
  return {
    hidden_size: width,
    intermediate_size: 4 * width,
    num_hidden_layers: layers,
    num_attention_heads: width / 32,
    hidden_act: "quick_gelu",
    layer_norm_eps: 1e-5,
    projection_dim: 64,
  };
}

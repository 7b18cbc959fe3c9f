/**
 * The published dual encoders that score images and prompts for Stable Diffusion. All see images as CLIP's processor gives them.
 * @module
 */

import type {
  ClipActivation,
  ClipEncoderConfig,
  ClipTextConfig,
  ClipVisionConfig,
} from "../models/clip_config.ts";
import { clipPixels, type PixelConfig } from "../models/pixel_values.ts";
import type { DualEncoderConfig } from "./dual_encoder.ts";

/** A dual encoder whose image tower is CLIP's. */
export interface PublishedConfig extends DualEncoderConfig {
  /** The image tower. */
  readonly vision_config: ClipVisionConfig & { readonly pixels: PixelConfig };
}

/** CLIP ViT-L/14: what the aesthetic predictor looks through, and the critic of ImageReward. */
export const clipLConfig: PublishedConfig = {
  text_config: textTower({ width: 768, layers: 12, projection: 768, act: "quick_gelu" }),
  vision_config: imageTower({ width: 1024, layers: 24, projection: 768, act: "quick_gelu" }),
};

/** CLIP ViT-H/14: what PickScore and HPSv2 are. */
export const clipHConfig: PublishedConfig = {
  text_config: textTower({ width: 1024, layers: 24, projection: 1024, act: "gelu" }),
  vision_config: imageTower({ width: 1280, layers: 32, projection: 1024, act: "gelu" }),
};

interface Size {
  readonly width: number;
  readonly layers: number;
  readonly projection: number;
  readonly act: ClipActivation;
}

/** Heads of 64 channels. */
function textTower(size: Size): ClipTextConfig {
  return {
    ...tower(size, size.width / 64),
    vocab_size: 49408,
    max_position_embeddings: 77,
    eos_token_id: 49407,
  };
}

/** 16 heads, and images of 224 pixels in patches of 14. */
function imageTower(size: Size): PublishedConfig["vision_config"] {
  return { ...tower(size, 16), image_size: 224, patch_size: 14, num_channels: 3, pixels: clipPixels };
}

function tower({ width, layers, projection, act }: Size, heads: number): ClipEncoderConfig {
  return {
    hidden_size: width,
    intermediate_size: 4 * width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    hidden_act: act,
    layer_norm_eps: 1e-5,
    projection_dim: projection,
  };
}

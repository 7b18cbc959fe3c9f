/**
 * Configs of CLIP's two towers, with the keys and defaults of transformers' `config.json`.
 * @module
 */

import { checkDivides, choice, count, type Fields, fieldsOf, real } from "./fields.ts";

/** Names of the activations that CLIP's checkpoints use. */
export type ClipActivation = "quick_gelu" | "gelu";

/** What a tower of CLIP's transformer layers is made of, text or image. */
export interface ClipEncoderConfig {
  /** Width `D`. */
  readonly hidden_size: number;
  /** Width between the two layers of an MLP. */
  readonly intermediate_size: number;
  /** Transformer layers. */
  readonly num_hidden_layers: number;
  /** Heads of each. */
  readonly num_attention_heads: number;
  /** The MLP's activation: OpenAI's models use `quick_gelu`, later ones the exact `gelu`. */
  readonly hidden_act: ClipActivation;
  /** Added to the variance in layer norms. */
  readonly layer_norm_eps: number;
  /** Width of the space that texts and images share. */
  readonly projection_dim: number;
}

/** What there is to know of a `CLIPTextModel`. */
export interface ClipTextConfig extends ClipEncoderConfig {
  /** Tokens. */
  readonly vocab_size: number;
  /** Positions `S`. */
  readonly max_position_embeddings: number;
  /** The end-of-text token; 2 in old files, which means: the highest id. */
  readonly eos_token_id: number;
}

/** What there is to know of a `CLIPVisionModelWithProjection`. */
export interface ClipVisionConfig extends ClipEncoderConfig {
  /** Height and width of the images in pixels. */
  readonly image_size: number;
  /** Side of a patch in pixels. */
  readonly patch_size: number;
  /** Channels of the images. */
  readonly num_channels: number;
}

/** What there is to know of a `CLIPModel`: both towers. */
export interface ClipConfig {
  /** The text tower. */
  readonly text_config: ClipTextConfig;
  /** The image tower. */
  readonly vision_config: ClipVisionConfig;
  /** Width of the space that texts and images share. */
  readonly projection_dim: number;
}

/**
 * Reads the config of a `CLIPTextModel`. Keys that do not matter for the forward pass are ignored.
 *
 * @throws {TypeError | RangeError} Naming the key and value that are wrong or not supported.
 */
export function parseClipTextConfig(json: unknown): ClipTextConfig {
  const fields = fieldsOf("CLIPTextModel", json);
  return {
    ...encoderConfig(fields, { width: 512, inner: 2048, heads: 8 }),
    vocab_size: count(fields, "vocab_size", 49408),
    max_position_embeddings: count(fields, "max_position_embeddings", 77),
    eos_token_id: count(fields, "eos_token_id", 49407),
  };
}

/**
 * Reads the config of a `CLIPVisionModelWithProjection`. Keys that do not matter for the forward pass are ignored.
 *
 * @throws {TypeError | RangeError} Naming the key and value that are wrong or not supported.
 */
export function parseClipVisionConfig(json: unknown): ClipVisionConfig {
  const fields = fieldsOf("CLIPVisionModelWithProjection", json);
  const config: ClipVisionConfig = {
    ...encoderConfig(fields, { width: 768, inner: 3072, heads: 12 }),
    image_size: count(fields, "image_size", 224),
    patch_size: count(fields, "patch_size", 32),
    num_channels: count(fields, "num_channels", 3),
  };
  checkDivides(fields, "patch_size", config.patch_size, [config.image_size]);
  return config;
}

/**
 * Reads the config of a `CLIPModel`. The shared width is the outer `projection_dim`, as in transformers.
 *
 * @throws {TypeError | RangeError} Naming the key and value that are wrong or not supported.
 */
export function parseClipConfig(json: unknown): ClipConfig {
  const fields = fieldsOf("CLIPModel", json);
  const projection_dim = count(fields, "projection_dim", 512);
  return {
    text_config: { ...parseClipTextConfig(fields.json.text_config ?? {}), projection_dim },
    vision_config: { ...parseClipVisionConfig(fields.json.vision_config ?? {}), projection_dim },
    projection_dim,
  };
}

function encoderConfig(
  fields: Fields,
  defaults: { readonly width: number; readonly inner: number; readonly heads: number },
): ClipEncoderConfig {
  const config: ClipEncoderConfig = {
    hidden_size: count(fields, "hidden_size", defaults.width),
    intermediate_size: count(fields, "intermediate_size", defaults.inner),
    num_hidden_layers: count(fields, "num_hidden_layers", 12),
    num_attention_heads: count(fields, "num_attention_heads", defaults.heads),
    hidden_act: choice(fields, "hidden_act", ["quick_gelu", "gelu"], "quick_gelu"),
    layer_norm_eps: real(fields, "layer_norm_eps", 1e-5),
    projection_dim: count(fields, "projection_dim", 512),
  };
  checkDivides(fields, "num_attention_heads", config.num_attention_heads, [config.hidden_size]);
  return config;
}

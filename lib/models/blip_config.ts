/**
 * Configs of BLIP's image tower and of the BERT that looks at it; the defaults are ImageReward's.
 * @module
 */

import { checkDivides, count, fieldsOf, real } from "./fields.ts";

/** What there is to know of a transformer. */
export interface TransformerConfig {
  /** Width `D`. */
  readonly hidden_size: number;
  /** Width between the two layers of an MLP. */
  readonly intermediate_size: number;
  /** Transformer layers. */
  readonly num_hidden_layers: number;
  /** Heads of each. */
  readonly num_attention_heads: number;
  /** Added to the variance in layer norms. */
  readonly layer_norm_eps: number;
}

/** What there is to know of BLIP's image tower. */
export interface BlipVisionConfig extends TransformerConfig {
  /** Height and width of the images in pixels. */
  readonly image_size: number;
  /** Side of a patch in pixels. */
  readonly patch_size: number;
}

/** What there is to know of a BERT with cross-attention. */
export interface BertConfig extends TransformerConfig {
  /** Tokens. */
  readonly vocab_size: number;
  /** Positions. */
  readonly max_position_embeddings: number;
  /** Width of the image tokens that every layer attends to. */
  readonly encoder_width: number;
}

/**
 * Reads the config of an image tower.
 *
 * @throws {TypeError | RangeError} Naming the key and value that are wrong.
 */
export function parseBlipVisionConfig(json: unknown): BlipVisionConfig {
  const fields = fieldsOf("BLIP's image tower", json);
  const config = {
    hidden_size: count(fields, "hidden_size", 1024),
    intermediate_size: count(fields, "intermediate_size", 4096),
    num_hidden_layers: count(fields, "num_hidden_layers", 24),
    num_attention_heads: count(fields, "num_attention_heads", 16),
    layer_norm_eps: real(fields, "layer_norm_eps", 1e-6),
    image_size: count(fields, "image_size", 224),
    patch_size: count(fields, "patch_size", 16),
  };
  checkDivides(fields, "num_attention_heads", config.num_attention_heads, [config.hidden_size]);
  checkDivides(fields, "patch_size", config.patch_size, [config.image_size]);
  return config;
}

/**
 * Reads the config of a text tower.
 *
 * @throws {TypeError | RangeError} Naming the key and value that are wrong.
 */
export function parseBertConfig(json: unknown): BertConfig {
  const fields = fieldsOf("BERT", json);
  const config = {
    hidden_size: count(fields, "hidden_size", 768),
    intermediate_size: count(fields, "intermediate_size", 3072),
    num_hidden_layers: count(fields, "num_hidden_layers", 12),
    num_attention_heads: count(fields, "num_attention_heads", 12),
    layer_norm_eps: real(fields, "layer_norm_eps", 1e-12),
    vocab_size: count(fields, "vocab_size", 30524),
    max_position_embeddings: count(fields, "max_position_embeddings", 512),
    encoder_width: count(fields, "encoder_width", 1024),
  };
  checkDivides(fields, "num_attention_heads", config.num_attention_heads, [config.hidden_size]);
  return config;
}

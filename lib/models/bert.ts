/**
 * BERT with cross-attention (Devlin et al. 2018, https://arxiv.org/abs/1810.04805; Li et al. 2022, https://arxiv.org/abs/2201.12086):
 * how BLIP reads a text while it looks at an image.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { add, gelu } from "../engine/ops/elementwise.ts";
import { slice } from "../engine/ops/views.ts";
import { bertAttention, multiHeadAttention } from "../nn/attention.ts";
import { embedding } from "../nn/embedding.ts";
import { linear } from "../nn/linear.ts";
import { layerNorm } from "../nn/norm.ts";
import { normalInit, type Scope } from "../nn/scope.ts";
import type { BertConfig } from "./blip_config.ts";

/** What it reads, and what it looks at. */
export interface BertInputs {
  /** Token ids u32 `[B, S]`. */
  readonly ids: Value;
  /** `[B, S]`: 1 for a token, 0 for padding. */
  readonly mask: Value;
  /** Image tokens `[B, N, encoder_width]`. */
  readonly context: Value;
}

/** Spread of all weights at the start. */
const STD = 0.02;

/**
 * Reads texts, each with its image. Layer norms follow the shortcuts.
 *
 * @param scope The tower's place, above `embeddings` and `encoder`.
 * @returns The hidden states, `[B, S, D]`; those of padding mean nothing.
 * @throws {TypeError} If there are more tokens than positions.
 */
export function bert(scope: Scope, config: BertConfig, { ids, mask, context }: BertInputs): Value {
  const { num_attention_heads: heads, layer_norm_eps: eps } = config;
  const attend = (place: Scope, x: Value, to: Value, mask: Value | null) => {
    const seen = multiHeadAttention(place, x, to, { names: bertAttention, heads, mask });
    return scope.kept(layerNorm(place.at("output.LayerNorm"), scope.kept(add(seen, x)), eps));
  };
  let x = embed(scope.at("embeddings"), config, ids);
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const layer = scope.at(`encoder.layer.${i}`);
    x = attend(layer.at("attention"), x, x, mask);
    x = attend(layer.at("crossattention"), x, context, null);
    const hidden = scope.kept(gelu(linear(layer.at("intermediate.dense"), x, config.intermediate_size)));
    const out = linear(layer.at("output.dense"), hidden, config.hidden_size);
    x = scope.kept(layerNorm(layer.at("output.LayerNorm"), scope.kept(add(out, x)), eps));
  }
  return x;
}

/** Words and positions; BLIP's has no kinds of tokens. */
function embed(scope: Scope, config: BertConfig, ids: Value): Value {
  const { vocab_size, max_position_embeddings: positions, hidden_size: width } = config;
  const length = ids.shape[1]!;
  if (length > positions) {
    throw new TypeError(`Cannot read the prompts as they have more tokens than ${positions}: ${length}`);
  }
  const words = embedding(scope.at("word_embeddings"), ids, [vocab_size, width], normalInit(STD));
  const table = scope.param("position_embeddings.weight", [positions, width], normalInit(STD));
  return layerNorm(scope.at("LayerNorm"), add(words, slice(table, 0, 0, length)), config.layer_norm_eps);
}

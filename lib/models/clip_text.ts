/**
 * CLIP's text tower (transformers' `CLIPTextModel`): what tells the UNet the prompt.
 * @module
 */

import { words, type WordTensor } from "../core/tensor.ts";
import { input, type Value } from "../engine/graph.ts";
import { add } from "../engine/ops/elementwise.ts";
import { gather } from "../engine/ops/gather.ts";
import { reshape, slice } from "../engine/ops/views.ts";
import { embedding } from "../nn/embedding.ts";
import { linear } from "../nn/linear.ts";
import { layerNorm } from "../nn/norm.ts";
import { declareParams, normalInit, type ParamSpec, type Scope } from "../nn/scope.ts";
import type { ClipTextConfig } from "./clip_config.ts";
import { clipEncoder } from "./clip_encoder.ts";

/** Spread of token embeddings at the start. CLIP's 0.02 takes several times as long to tell short captions apart. */
const TOKEN_STD = 0.5;
/** Spread of position embeddings at the start. */
const POSITION_STD = 0.01;

/**
 * Reads token ids.
 *
 * @param scope Above `text_model`.
 * @param ids u32 `[B, S]`, S at most `max_position_embeddings`. Padding is read too: no position before it sees it.
 * @returns The hidden states after the last layer norm, `[B, S, D]`.
 * @throws {TypeError} If there are more tokens than positions.
 */
export function clipText(scope: Scope, config: ClipTextConfig, ids: Value): Value {
  const { hidden_size: width, vocab_size, max_position_embeddings: positions } = config;
  const length = ids.shape[1]!;
  if (length > positions) {
    throw new TypeError(`Cannot read the prompts as they have more tokens than ${positions}: ${length}`);
  }
  const tower = scope.at("text_model");
  const tokens = embedding(
    tower.at("embeddings.token_embedding"),
    ids,
    [vocab_size, width],
    normalInit(TOKEN_STD),
  );
  const table = tower.param(
    "embeddings.position_embedding.weight",
    [positions, width],
    normalInit(POSITION_STD),
  );
  const x = clipEncoder(tower, config, add(tokens, slice(table, 0, 0, length)), true);
  return layerNorm(tower.at("final_layer_norm"), x, config.layer_norm_eps);
}

/**
 * The hidden state at the end of each text, which stands for the whole.
 *
 * @param hidden `[B, S, D]`.
 * @param ends u32 `[B]`, from {@linkcode textEnds}.
 * @returns `[B, D]`.
 */
export function pooledText(hidden: Value, ends: Value): Value {
  return gather(reshape(hidden, [-1, hidden.shape[2]!]), ends);
}

/** Projects pooled texts `[B, D]` to the space they share with images, `[B, projection_dim]`. */
export function textProjection(scope: Scope, config: ClipTextConfig, pooled: Value): Value {
  const weight = normalInit(config.hidden_size ** -0.5);
  return linear(scope.at("text_projection"), pooled, config.projection_dim, {
    bias: false,
    init: { weight, bias: weight },
  });
}

/**
 * Where each text ends: the first end-of-text token, or the first of the highest id in configs of old files.
 *
 * @param ids `[B, S]`.
 * @returns `[B]`, positions in the flattened `[B * S]`.
 * @throws {RangeError} If a text has no end.
 */
export function textEnds(ids: WordTensor, config: ClipTextConfig): WordTensor {
  const [batch, length] = ids.shape as readonly [number, number];
  const ends = Array.from({ length: batch }, (_, b) => {
    const row = Array.from({ length }, (_, s) => ids.data[b * length + s]!);
    const end = row.indexOf(config.eos_token_id === 2 ? Math.max(...row) : config.eos_token_id);
    if (end < 0) {
      throw new RangeError(`Cannot pool text ${b} as it has no end-of-text token ${config.eos_token_id}`);
    }
    return b * length + end;
  });
  return words([batch], ends);
}

/** Lists the text tower's parameters. */
export function declareClipText(config: ClipTextConfig): ParamSpec[] {
  return declareParams((scope) => clipText(scope, config, input("ids", [1, 1], "u32")));
}

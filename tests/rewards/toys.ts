/**
 * Small images, towers and a tokenizer for the tests of rewards.
 * @module
 */

import { key, uniforms } from "../../lib/core/random.ts";
import { type FloatTensor, type Tensor, tensor, words } from "../../lib/core/tensor.ts";
import { trace, type Value } from "../../lib/engine/graph.ts";
import { evaluate, interpreter } from "../../lib/engine/interpreter.ts";
import { toEngine } from "../../lib/nn/layout.ts";
import { declareParams, initParams, type Scope } from "../../lib/nn/scope.ts";
import { input } from "../../lib/engine/graph.ts";
import type { DualEncoderContext } from "../../lib/rewards/embedder.ts";
import { type DualEncoderConfig, fit, parseDualEncoderConfig } from "../../lib/rewards/dual_encoder.ts";
import { aestheticHead } from "../../lib/rewards/aesthetic_head.ts";

const text = {
  vocab_size: 12,
  max_position_embeddings: 4,
  eos_token_id: 11,
  hidden_size: 8,
  intermediate_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
};

/** Towers for 8x8 images, the image's a transformer. */
export const transformerConfig = parseDualEncoderConfig({
  text_config: text,
  vision_config: { ...text, image_size: 8, patch_size: 4 },
  projection_dim: 6,
});

/** Towers for 8x8 images, the image's of convolutions. */
export const convolutionConfig = parseDualEncoderConfig({
  text_config: text,
  vision_config: { image_size: 8, block_out_channels: [4, 8], res_blocks: [0, 1], norm_num_groups: 2 },
  projection_dim: 6,
});

/** Random images `[count, 8, 8, 3]` in `[0, 1)`. */
export function randomImages(count: number, seed: number): FloatTensor {
  return tensor([count, 8, 8, 3], uniforms(key(seed), count * 192));
}

/** A context on the interpreter with random weights for the towers and an aesthetic head. */
export function toyContext(config: DualEncoderConfig, batchSize: number, seed = 1): DualEncoderContext {
  const runtime = interpreter();
  const specs = declareParams((scope: Scope) => {
    fit(scope, config, {
      images: input("images", [1, 8, 8, 3]),
      ids: input("ids", [1, 4], "u32"),
      ends: input("ends", [1], "u32"),
    });
    aestheticHead(scope, input("embeddings", [1, config.vision_config.projection_dim]));
  });
  const weights = Object.fromEntries(
    Object.entries(initParams(specs, key(seed))).map(([name, param]) => [name, runtime.put(toEngine(param))]),
  );
  return { runtime, weights, batchSize, tokenize };
}

/** One token for the first letter of up to three words, then ends. */
export function tokenize(prompts: readonly string[]) {
  const rows = prompts.map((prompt) => {
    const letters = prompt.split(" ").slice(0, 3).map((word) => word.charCodeAt(0) % 11);
    return [...letters, 11, 11, 11].slice(0, 4);
  });
  return words([prompts.length, 4], rows.flat());
}

/** Computes one value from tensors. */
export function run<I extends string>(
  fn: (inputs: Readonly<Record<I, Value>>) => Value,
  inputs: Readonly<Record<I, Tensor>>,
): FloatTensor {
  return evaluate(trace((values) => ({ y: fn(values as Readonly<Record<I, Value>>) }), inputs), inputs)
    .y as FloatTensor;
}

/**
 * BLIP's image tower (Li et al. 2022, https://arxiv.org/abs/2201.12086): a vision transformer with timm's parameter names.
 * @module
 */

import { showShape } from "../core/tensor.ts";
import type { Value } from "../engine/graph.ts";
import { attention } from "../engine/ops/attention.ts";
import { concat } from "../engine/ops/concat.ts";
import { add, gelu } from "../engine/ops/elementwise.ts";
import { broadcast, slice } from "../engine/ops/views.ts";
import { linear } from "../nn/linear.ts";
import { layerNorm } from "../nn/norm.ts";
import { patchEmbedding } from "../nn/patch_embedding.ts";
import { normalInit, type Scope } from "../nn/scope.ts";
import type { BlipVisionConfig } from "./blip_config.ts";

/** Spread of tokens and positions at the start. */
const TOKEN_STD = 0.02;

/**
 * Looks at images.
 *
 * @param scope The tower's place, above `patch_embed` and `blocks`.
 * @param images `[B, image_size, image_size, 3]`, normalised as the checkpoint wants.
 * @returns A class token and one token for each patch after the last layer norm, `[B, 1 + patches, D]`.
 * @throws {TypeError} If the images have another size.
 */
export function blipVision(scope: Scope, config: BlipVisionConfig, images: Value): Value {
  const { image_size: side, patch_size: patch, hidden_size: width, layer_norm_eps: eps } = config;
  const batch = images.shape[0]!;
  if (images.shape.slice(1).join() !== [side, side, 3].join()) {
    throw new TypeError(
      `Cannot embed the images as they have the wrong shape: ${showShape(images.shape)} where ` +
        `[B, ${side}, ${side}, 3] is needed`,
    );
  }
  const patches = patchEmbedding(scope.at("patch_embed.proj"), images, { patch, width, bias: true });
  const first = scope.param("cls_token", [1, 1, width], normalInit(TOKEN_STD));
  const tokens = concat([broadcast(first, [batch, 1, width]), patches], 1);
  const positions = scope.param("pos_embed", [1, tokens.shape[1]!, width], normalInit(TOKEN_STD));
  let x = scope.kept(add(tokens, positions));
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const block = scope.at(`blocks.${i}`);
    const normal = (name: string, x: Value) => scope.kept(layerNorm(block.at(name), x, eps));
    x = scope.kept(add(fusedAttention(block.at("attn"), normal("norm1", x), config.num_attention_heads), x));
    x = scope.kept(add(mlp(block.at("mlp"), config, normal("norm2", x)), x));
  }
  return layerNorm(scope.at("norm"), x, eps);
}

/** Self-attention whose query, key and value are one layer's output, in this order. */
function fusedAttention(scope: Scope, x: Value, heads: number): Value {
  const width = x.shape[2]!;
  const all = scope.kept(linear(scope.at("qkv"), x, 3 * width));
  const [query, key, value] = [0, 1, 2].map((i) => slice(all, 2, i * width, (i + 1) * width));
  return linear(scope.at("proj"), scope.kept(attention(query!, key!, value!, { heads })), width);
}

function mlp(scope: Scope, config: BlipVisionConfig, x: Value): Value {
  const hidden = gelu(linear(scope.at("fc1"), x, config.intermediate_size));
  return linear(scope.at("fc2"), scope.kept(hidden), config.hidden_size);
}

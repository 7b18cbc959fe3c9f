/**
 * The transformer layers that CLIP's two towers share (Radford et al. 2021, https://arxiv.org/abs/2103.00020).
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { add } from "../engine/ops/elementwise.ts";
import { activate } from "../nn/activation.ts";
import { clipAttention, multiHeadAttention } from "../nn/attention.ts";
import { linear } from "../nn/linear.ts";
import { layerNorm } from "../nn/norm.ts";
import type { Scope } from "../nn/scope.ts";
import type { ClipEncoderConfig } from "./clip_config.ts";

/**
 * Self-attention and an MLP, each behind a layer norm and beside a shortcut, as often as the config says.
 *
 * @param scope The tower's place; its layers are below `encoder.layers`.
 * @param x `[B, S, D]`.
 * @param causal Whether a position sees only itself and those before it.
 * @returns `[B, S, D]`, not normalised.
 */
export function clipEncoder(scope: Scope, config: ClipEncoderConfig, x: Value, causal: boolean): Value {
  const { num_attention_heads: heads, layer_norm_eps: eps } = config;
  let y = scope.kept(x);
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const layer = scope.at(`encoder.layers.${i}`);
    const alone = scope.kept(layerNorm(layer.at("layer_norm1"), y, eps));
    const options = { names: clipAttention, heads, causal };
    y = scope.kept(add(multiHeadAttention(layer.at("self_attn"), alone, alone, options), y));
    const normal = scope.kept(layerNorm(layer.at("layer_norm2"), y, eps));
    y = scope.kept(add(mlp(layer.at("mlp"), config, normal), y));
  }
  return y;
}

function mlp(scope: Scope, config: ClipEncoderConfig, x: Value): Value {
  const hidden = activate(config.hidden_act, linear(scope.at("fc1"), x, config.intermediate_size));
  return linear(scope.at("fc2"), scope.kept(hidden), config.hidden_size);
}

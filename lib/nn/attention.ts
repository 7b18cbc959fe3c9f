/**
 * Multi-head attention (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762).
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { attention } from "../engine/ops/attention.ts";
import { linear } from "./linear.ts";
import { type Lora, loraAt } from "./lora.ts";
import type { Scope } from "./scope.ts";

/** What a checkpoint calls the four projections. */
export interface AttentionNames {
  /** What asks. */
  readonly query: string;
  /** What is compared with it. */
  readonly key: string;
  /** What is averaged. */
  readonly value: string;
  /** What the heads' results go through. */
  readonly out: string;
}

/** The names in diffusers' checkpoints. */
export const diffusersAttention: AttentionNames = {
  query: "to_q",
  key: "to_k",
  value: "to_v",
  out: "to_out.0",
};

/** The names in CLIP's checkpoints, as transformers writes them. */
export const clipAttention: AttentionNames = {
  query: "q_proj",
  key: "k_proj",
  value: "v_proj",
  out: "out_proj",
};

/** Settings of an attention layer. */
export interface AttentionOptions {
  /** Names of the projections. */
  readonly names: AttentionNames;
  /** Heads that the width is split into. */
  readonly heads: number;
  /** Whether query, key and value have a bias; default true. The output always has one. */
  readonly bias?: boolean;
  /** Whether a position sees only itself and those before it; default false. */
  readonly causal?: boolean;
  /** The adapters at the layer's place; default none. */
  readonly lora?: Lora | null;
}

/**
 * Attends from `x` to `context`.
 *
 * @param scope The layer's own place.
 * @param x `[B, T, C]`.
 * @param context `[B, S, D]`; `x` itself for self-attention.
 * @returns `[B, T, C]`.
 */
export function multiHeadAttention(
  scope: Scope,
  x: Value,
  context: Value,
  { names, heads, bias = true, causal = false, lora = null }: AttentionOptions,
): Value {
  const width = x.shape.at(-1)!;
  const layer = (name: string, from: Value, options: { bias: boolean }) =>
    linear(scope.at(name), from, width, { ...options, lora: loraAt(lora, name) });
  const query = layer(names.query, x, { bias });
  const key = layer(names.key, context, { bias });
  const value = layer(names.value, context, { bias });
  return layer(names.out, attention(query, key, value, { heads, causal }), { bias: true });
}

/**
 * Multi-head attention (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762).
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { attention } from "../engine/ops/attention.ts";
import { add, mul, sub } from "../engine/ops/elementwise.ts";
import { sum } from "../engine/ops/reductions.ts";
import { expand, permute, reshape } from "../engine/ops/views.ts";
import { linear } from "./linear.ts";
import { type Lora, loraAt } from "./lora.ts";
import type { Scope } from "./scope.ts";
import { softmax } from "./softmax.ts";

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

/** The names in BERT's checkpoints. */
export const bertAttention: AttentionNames = {
  query: "self.query",
  key: "self.key",
  value: "self.value",
  out: "output.dense",
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
  /** `[B, S]`: 1 where the context may be seen, 0 where it is padding; default all seen. Not together with `causal`. */
  readonly mask?: Value | null;
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
  { names, heads, bias = true, causal = false, mask = null, lora = null }: AttentionOptions,
): Value {
  const width = x.shape.at(-1)!;
  const layer = (name: string, from: Value, options: { bias: boolean }) =>
    linear(scope.at(name), from, width, { ...options, lora: loraAt(lora, name) });
  const query = scope.kept(layer(names.query, x, { bias }));
  const key = scope.kept(layer(names.key, context, { bias }));
  const value = scope.kept(layer(names.value, context, { bias }));
  const seen = mask === null
    ? attention(query, key, value, { heads, causal })
    : maskedAttention(query, key, value, mask, heads);
  return layer(names.out, scope.kept(seen), { bias: true });
}

/**
 * `softmax(q kᵀ / √d + bias) v` for each head of width `d`, with a bias so low where the mask is 0 that the weight there is 0.
 *
 * Scores are stored, `[B, heads, T, S]`: for short contexts of different lengths, such as prompts.
 *
 * @param mask `[B, S]`.
 */
function maskedAttention(q: Value, k: Value, v: Value, mask: Value, heads: number): Value {
  const [batch, queries, channels] = q.shape as readonly [number, number, number];
  const [width, keys] = [channels / heads, k.shape[1]!];
  const split = (x: Value, length: number, at: number) =>
    permute(expand(reshape(x, [batch, length, heads, width]), at), [0, 3, 1, 2, 4]);
  const products = sum(mul(split(q, queries, 2), split(k, keys, 1)), [4]);
  const bias = mul(sub(mask, 1), UNSEEN);
  const scores = add(mul(products, width ** -0.5), reshape(bias, [batch, 1, 1, keys]));
  const weights = softmax(scores);
  const mixed = sum(mul(expand(weights, 4), split(v, keys, 1)), [3]);
  return reshape(permute(mixed, [0, 2, 1, 3]), [batch, queries, channels]);
}

/** What is taken off the score of what may not be seen, as BERT does: its exponential is 0 beside that of any score. */
const UNSEEN = 1e4;

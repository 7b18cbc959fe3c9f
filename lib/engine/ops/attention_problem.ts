/**
 * What the ops of attention agree on: their settings and the shapes of q, k and v.
 * @module
 */

import type { TensorType } from "../../core/tensor.ts";
import type { AttentionSpec } from "../../../kernels/attention_tiles.ts";
import { shapeError } from "../graph.ts";

/** Settings of attention and its gradients: the number of heads, and whether query `t` sees the keys `s <= t` only. */
export type AttentionAttrs = { readonly heads: number; readonly causal: boolean };

/** The problem that operands q, k, … and settings pose. */
export function attentionSpec(
  inputs: readonly TensorType[],
  { heads, causal }: AttentionAttrs,
): AttentionSpec {
  const [batch, queries, channels] = inputs[0]!.shape as [number, number, number];
  const halves = (["q", "k", "v"] as const).filter((_, i) => inputs[i]!.dtype === "f16");
  return { batch, heads, queries, keys: inputs[1]!.shape[1]!, width: channels / heads, causal, halves };
}

/**
 * Checks that the first three operands are a q, k and v.
 *
 * @throws {TypeError} If they are not.
 */
export function checkAttention(op: string, inputs: readonly TensorType[], { heads }: AttentionAttrs): void {
  const [q, k, v] = inputs.map(({ shape }) => shape);
  const width = q![2]! / heads;
  const fits = inputs.every(({ dtype }) => dtype === "f32") &&
    [q, k, v].every((shape) => shape!.length === 3 && shape![0] === q![0] && shape![2] === q![2]) &&
    k![1] === v![1];
  if (!fits) throw shapeError(op, "its operands are not [B, T, C], [B, S, C] and [B, S, C]", inputs);
  if (!Number.isInteger(width / 4)) {
    throw shapeError(op, `a head of ${q![2]} channels / ${heads} heads is no multiple of 4 wide`, inputs);
  }
}

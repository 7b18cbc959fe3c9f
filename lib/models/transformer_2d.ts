/**
 * The UNet's attention to the prompt (diffusers' `Transformer2DModel`).
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { add, gelu, mul } from "../engine/ops/elementwise.ts";
import { reshape, slice } from "../engine/ops/views.ts";
import { diffusersAttention, multiHeadAttention } from "../nn/attention.ts";
import { linear, pointwise } from "../nn/linear.ts";
import { type Lora, loraAt } from "../nn/lora.ts";
import { groupNorm, layerNorm } from "../nn/norm.ts";
import { rowParts } from "../nn/row_parts.ts";
import type { Scope } from "../nn/scope.ts";

/** Settings of a transformer over the pixels of an image. */
export interface Transformer2DOptions {
  /** Heads of each attention. */
  readonly heads: number;
  /** Transformer blocks. */
  readonly layers: number;
  /** Groups of the norm at its start. */
  readonly groups: number;
  /** Whether the checkpoint keeps the projections at both ends as linear layers rather than 1x1 convolutions. */
  readonly linearProjection: boolean;
  /** Bytes that the MLP's hidden layer should not exceed in one piece. */
  readonly mostBytes: number;
}

/** Added to the variance in the norm at the start, whatever the UNet's `norm_eps`. */
const GROUP_NORM_EPS = 1e-6;

/**
 * Norm, projection, transformer blocks over the pixels, projection, beside a shortcut.
 *
 * @param scope Its own place.
 * @param x `[B, H, W, C]`.
 * @param context `[B, S, D]`.
 * @param lora The adapters at this place.
 * @returns `[B, H, W, C]`.
 */
export function transformer2d(
  scope: Scope,
  x: Value,
  context: Value,
  { heads, layers, groups, linearProjection, mostBytes }: Transformer2DOptions,
  lora: Lora | null,
): Value {
  const [batch, height, width, channels] = x.shape as readonly [number, number, number, number];
  const project = linearProjection ? linear : pointwise;
  const normal = scope.kept(groupNorm(scope.at("norm"), x, { groups, eps: GROUP_NORM_EPS }));
  const projected = scope.kept(project(scope.at("proj_in"), normal, channels));
  let tokens = reshape(projected, [batch, height * width, channels]);
  for (let layer = 0; layer < layers; layer++) {
    const name = `transformer_blocks.${layer}`;
    tokens = transformerBlock(scope.at(name), tokens, context, { heads, mostBytes }, loraAt(lora, name));
  }
  const image = reshape(tokens, x.shape);
  return scope.kept(add(project(scope.at("proj_out"), image, channels), x));
}

/** Self-attention, attention to the context and a gated MLP, each behind a layer norm and beside a shortcut. */
function transformerBlock(
  scope: Scope,
  tokens: Value,
  context: Value,
  { heads, mostBytes }: Pick<Transformer2DOptions, "heads" | "mostBytes">,
  lora: Lora | null,
): Value {
  const attend = (name: string, x: Value, to: Value) =>
    multiHeadAttention(scope.at(name), x, to, {
      names: diffusersAttention,
      heads,
      bias: false,
      lora: loraAt(lora, name),
    });
  const normal = (name: string, x: Value) => scope.kept(layerNorm(scope.at(name), x));
  const alone = normal("norm1", tokens);
  let x = scope.kept(add(attend("attn1", alone, alone), tokens));
  x = scope.kept(add(attend("attn2", normal("norm2", x), context), x));
  return scope.kept(add(gatedMlp(scope.at("ff"), normal("norm3", x), mostBytes), x));
}

/** An MLP of four times the width whose hidden layer is gated (Shazeer 2020, https://arxiv.org/abs/2002.05202). */
function gatedMlp(scope: Scope, x: Value, mostBytes: number): Value {
  const width = x.shape.at(-1)!;
  const inner = 4 * width;
  return rowParts(x, 4 * 2 * inner, mostBytes, (rows) => {
    const both = scope.kept(linear(scope.at("net.0.proj"), rows, 2 * inner));
    const hidden = scope.kept(mul(slice(both, -1, 0, inner), gelu(slice(both, -1, inner, 2 * inner))));
    return linear(scope.at("net.2"), hidden, width);
  });
}

/**
 * Images as tokens, one for each patch: how vision transformers begin (Dosovitskiy et al. 2020, https://arxiv.org/abs/2010.11929).
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { add } from "../engine/ops/elementwise.ts";
import { matmul } from "../engine/ops/matmul.ts";
import { reshape } from "../engine/ops/views.ts";
import { patchify } from "./resample.ts";
import { fanInInit, type Scope } from "./scope.ts";

/** Settings of a patch embedding. */
export interface PatchEmbeddingOptions {
  /** Side of a patch in pixels. */
  readonly patch: number;
  /** Width of a token. */
  readonly width: number;
  /** Whether it adds a bias. */
  readonly bias: boolean;
}

/**
 * A convolution whose kernels do not overlap: each patch becomes a token by one linear map.
 *
 * @param scope The layer's own place, with `weight` `[width, C, patch, patch]` and, if asked for, `bias` `[width]`.
 * @param images `[B, H, W, C]`.
 * @returns `[B, H/patch * W/patch, width]`.
 * @throws {RangeError} If the patches do not fill the images.
 */
export function patchEmbedding(
  scope: Scope,
  images: Value,
  { patch, width, bias }: PatchEmbeddingOptions,
): Value {
  const channels = images.shape.at(-1)!;
  const patches = patchify(images, patch);
  const [batch, count, inputs] = patches.shape as readonly [number, number, number];
  const init = fanInInit(inputs);
  const kernel = scope.param("weight", [width, channels, patch, patch], init);
  // A kernel of one pixel is kept as a linear layer's weight is.
  const product = patch === 1
    ? matmul(reshape(patches, [-1, inputs]), kernel, { transposeB: true })
    : matmul(reshape(patches, [-1, inputs]), reshape(kernel, [-1, width]));
  return reshape(bias ? add(product, scope.param("bias", [width], init)) : product, [batch, count, width]);
}

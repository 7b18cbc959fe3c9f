/**
 * The loss that teaches an image tower and a text tower one space.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { add, div, equal, mul } from "../engine/ops/elementwise.ts";
import { matmul } from "../engine/ops/matmul.ts";
import { sum } from "../engine/ops/reductions.ts";
import { permute, reshape } from "../engine/ops/views.ts";
import { logSoftmax } from "../nn/softmax.ts";

/** What a {@linkcode contrastiveLoss} compares. */
export interface Contrast {
  /** `[B, D]`, of length 1: embeddings of the images. */
  readonly images: Value;
  /** `[B, D]`, of length 1: embeddings of their texts. */
  readonly texts: Value;
  /** `[]`: what the cosines are multiplied by before the softmax. */
  readonly scale: Value;
  /**
   * `[B]`: a whole number for what each pair shows. Pairs of one number match each other as well as themselves, so that
   * a second cat in the batch is no mistake; `0 … B - 1` makes every pair its own.
   */
  readonly concepts: Value;
}

/**
 * The symmetric contrastive loss: the mean over all images and all texts of the cross-entropy between
 * `softmax(scale cos)` over the other kind and the uniform distribution over those that match.
 *
 * See Radford et al. 2021, https://arxiv.org/abs/2103.00020. Differs by `concepts`.
 *
 * @returns `[]`, at least 0.
 */
export function contrastiveLoss({ images, texts, scale, concepts }: Contrast): Value {
  const batch = images.shape[0]!;
  const logits = mul(matmul(images, texts, { transposeB: true }), scale);
  const same = equal(reshape(concepts, [batch, 1]), reshape(concepts, [1, batch]));
  const targets = div(same, sum(same, [1], { keep: true }));
  const logProbs = add(logSoftmax(logits), logSoftmax(permute(logits, [1, 0])));
  return mul(sum(mul(targets, logProbs)), -0.5 / batch);
}

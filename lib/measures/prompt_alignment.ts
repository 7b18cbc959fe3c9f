/**
 * Whether images show what they were asked to show.
 * @module
 */

import type { FloatTensor } from "../core/tensor.ts";
import { checkCount, dotProduct, sharedShape } from "./embeddings.ts";

/**
 * Each image's CLIP score: `100 max(cos, 0)` of its embedding and its prompt's, as torchmetrics scales it.
 *
 * See Hessel et al. 2021, "CLIPScore", https://arxiv.org/abs/2104.08718, where the factor is 2.5. By another pair of towers than
 * CLIP's it compares with itself alone.
 *
 * @param images `[N, D]`, of length 1.
 * @param texts `[M, D]`, of length 1.
 * @param targets The number of each image's own text.
 * @returns `N` scores in `[0, 100]`.
 * @throws {TypeError} If widths differ or there is not one target for each image.
 */
export function clipScores(
  images: FloatTensor,
  texts: FloatTensor,
  targets: readonly number[],
): readonly number[] {
  const [count, , width] = sharedShape(images, texts);
  checkCount("targets", targets.length, count);
  return targets.map((target, n) => 100 * Math.max(dotProduct(images, n, texts, target, width), 0));
}

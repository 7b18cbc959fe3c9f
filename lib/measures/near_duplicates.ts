/**
 * Images that are as good as copies of each other.
 * @module
 */

import type { FloatTensor } from "../core/tensor.ts";
import { checkCount, dotProduct, matrixShape } from "./embeddings.ts";

/** The cosine above which two images count as copies. */
export const DUPLICATE_COSINE = 0.97;

/**
 * The share of pairs of one prompt whose cosine is above a threshold: a sign of collapse.
 *
 * @param embeddings `[N, D]`, of length 1.
 * @param prompts `N` prompts.
 * @returns In `[0, 1]`; NaN where no prompt has two images.
 * @throws {TypeError} If there is not one prompt for each embedding.
 */
export function nearDuplicates(
  embeddings: FloatTensor,
  prompts: readonly string[],
  threshold: number = DUPLICATE_COSINE,
): number {
  const [count, width] = matrixShape(embeddings);
  checkCount("prompts", prompts.length, count);
  let pairs = 0, copies = 0;
  for (let n = 0; n < count; n++) {
    for (let m = 0; m < n; m++) {
      if (prompts[n] !== prompts[m]) continue;
      pairs++;
      if (dotProduct(embeddings, n, embeddings, m, width) > threshold) copies++;
    }
  }
  return copies / pairs;
}

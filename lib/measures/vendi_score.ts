/**
 * How many different images there are, by their embeddings.
 * @module
 */

import type { FloatTensor } from "../core/tensor.ts";
import { spectrum } from "./spectrum.ts";

/**
 * The Vendi score: `exp(-Σ λ ln λ)` over the eigenvalues `λ` of `K / N`, where `K` are the cosines of all pairs. It is
 * `N` where all images are at right angles, 1 where all are the same: the number of images that would be as diverse.
 *
 * See Friedman and Dieng 2023, "The Vendi Score", https://arxiv.org/abs/2210.02410.
 *
 * @param embeddings `[N, D]`, of length 1.
 * @returns In `[1, min(N, D)]`; NaN where there are none.
 */
export function vendiScore(embeddings: FloatTensor): number {
  const eigenvalues = spectrum(embeddings, false);
  if (eigenvalues.length === 0) return NaN;
  return Math.exp(-eigenvalues.reduce((sum, value) => value > 0 ? sum + value * Math.log(value) : sum, 0));
}

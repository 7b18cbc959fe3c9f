/**
 * How much room images take in their embedding's widest directions.
 * @module
 */

import type { FloatTensor } from "../core/tensor.ts";
import { matrixShape } from "./embeddings.ts";
import { spectrum } from "./spectrum.ts";

/** Directions that are counted by default. */
export const ENTROPY_DIRECTIONS = 20;

/**
 * The truncated entropy `TCE_K = (K / 2) ln(2πe) + ½ Σ ln λ` over the `K` largest eigenvalues `λ` of the embeddings'
 * covariance (of `N - 1` degrees of freedom): the entropy of a Gaussian with that spread, in nats.
 *
 * Being a logarithm it has no zero, so two are compared by their difference. It is `-Infinity` where images vary in
 * fewer directions, as where some are copies.
 *
 * See Ibarrola and Grace 2024, "Measuring Diversity in Co-creative Image Generation", https://arxiv.org/abs/2403.13826.
 *
 * @param embeddings `[N, D]`.
 * @throws {RangeError} If `N` images or `D` elements cannot vary in `K` directions.
 */
export function truncatedEntropy(embeddings: FloatTensor, directions: number = ENTROPY_DIRECTIONS): number {
  const [count, width] = matrixShape(embeddings);
  if (directions > Math.min(count - 1, width)) {
    throw new RangeError(
      `Cannot measure the entropy in ${directions} directions as ${count} embeddings of width ${width} vary in ` +
        `${Math.max(Math.min(count - 1, width), 0)} at most`,
    );
  }
  const logarithms = spectrum(embeddings, true).slice(0, directions).map(Math.log);
  return directions / 2 * Math.log(2 * Math.PI * Math.E) + sum(logarithms) / 2;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

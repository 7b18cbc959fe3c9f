/**
 * Whether images stay where others are, and whether they still go everywhere.
 * @module
 */

import type { PairTable, SetTables } from "./embeddings.ts";

/** Two shares, in `[0, 1]`. */
export interface PrecisionRecall {
  /** The share of the made images that lie among the real ones: low where they leave what is natural. */
  readonly precision: number;
  /** The share of the real images that lie among the made ones: low where variety is lost. */
  readonly recall: number;
}

/**
 * Improved precision and recall: an image lies among others if it is no further from one of them than that one's `k`th
 * nearest neighbour of its own set.
 *
 * See Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991.
 *
 * @param distances Squared distances of real images `x` and made ones `y`.
 * @param neighbours `k`.
 * @throws {RangeError} If there are not more than `k` of either.
 */
export function precisionRecall({ x, y, cross }: SetTables, neighbours: number = 3): PrecisionRecall {
  const { shape: [count, others], values } = cross;
  if (Math.min(count, others) <= neighbours) {
    throw new RangeError(
      `Cannot find ${neighbours} neighbours as there are not more images: ${count} and ${others}`,
    );
  }
  const aroundReal = radii(x, neighbours), aroundMade = radii(y, neighbours);
  const distance = (n: number, m: number) => values[n * others + m]!;
  return {
    precision: share(others, (m) => aroundReal.some((radius, n) => distance(n, m) <= radius)),
    recall: share(count, (n) => aroundMade.some((radius, m) => distance(n, m) <= radius)),
  };
}

/** Each row's `k`th smallest distance, its own from itself not counted. */
function radii({ shape: [count], values }: PairTable, neighbours: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => {
    const others = [...values.slice(n * count, (n + 1) * count)];
    others.splice(n, 1);
    return others.sort((a, b) => a - b)[neighbours - 1]!;
  });
}

function share(count: number, test: (index: number) => boolean): number {
  return Array.from({ length: count }, (_, i) => i).filter(test).length / count;
}

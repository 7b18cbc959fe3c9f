/**
 * How far adapted images are from the base model's of the same prompts and seeds.
 * @module
 */

import type { FloatTensor } from "../core/tensor.ts";
import { productsOf, squaredDistances } from "./embeddings.ts";
import { cmmd, kid } from "./mean_discrepancy.ts";
import { precisionRecall } from "./precision_recall.ts";

/** Neighbours that make a neighbourhood. */
const NEIGHBOURS = 3;

/** Distances of two sets of images. */
export interface Fidelity {
  /** The kernel distance of KID, of pairs; around 0 for one distribution. `null` where there is one image. */
  readonly kid: number | null;
  /** CMMD, at least 0. */
  readonly cmmd: number;
  /** The share of the adapted images that lie among the base's; `null` where there are not more than three. */
  readonly precision: number | null;
  /** The share of the base's images that lie among the adapted ones; `null` where there are not more than three. */
  readonly recall: number | null;
}

/**
 * Compares images by their embeddings.
 *
 * @param base `[N, D]`, of length 1.
 * @param adapted `[N, D]`, of length 1, from the same prompts and seeds in the same order.
 * @throws {TypeError} If they are no matrices of one shape.
 */
export function fidelity(base: FloatTensor, adapted: FloatTensor): Fidelity {
  const products = productsOf(base, adapted);
  const distances = squaredDistances(products);
  const [count, width] = base.shape as readonly [number, number];
  return {
    kid: count < 2 ? null : kid(products, { width, isPaired: true }),
    cmmd: cmmd(distances),
    ...count > NEIGHBOURS ? precisionRecall(distances, NEIGHBOURS) : { precision: null, recall: null },
  };
}

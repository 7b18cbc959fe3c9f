/**
 * In how many directions a layer's features vary.
 * @module
 */

import type { FloatTensor } from "../core/tensor.ts";
import { spectrum } from "./spectrum.ts";

/**
 * The effective rank `exp(-Σ p ln p)`, `p = σ / Σ σ`, of features with the singular values `σ`: the rank of a matrix whose
 * directions all count alike and that has as much entropy.
 *
 * See Roy and Vetterli 2007, "The effective rank: a measure of effective dimensionality".
 *
 * @param features `[N, D]`, not centred.
 * @returns In `[1, min(N, D)]`; 0 where all features are 0.
 * @throws {TypeError} If they are no matrix.
 */
export function effectiveRank(features: FloatTensor): number {
  const singular = spectrum(features, false).map(Math.sqrt);
  const total = singular.reduce((sum, value) => sum + value, 0);
  if (total === 0) return 0;
  const shares = singular.map((value) => value / total).filter((share) => share > 0);
  return Math.exp(-shares.reduce((sum, share) => sum + share * Math.log(share), 0));
}

/**
 * Whether a reward has fallen from its best, beyond noise.
 * @module
 */

import { type Estimate, estimate, estimateByPrompt } from "./estimate.ts";

/** A reward, or the mean of some, at an evaluation. */
export interface Place {
  /** How many epochs were complete. */
  readonly epoch: number;
  /** `[N]`, each image in base standard deviations above the base model's of the same prompt and seed. */
  readonly z: readonly number[];
}

/** What counts as fallen. */
export interface FallLimits {
  /** Evaluations in a row that must lie below the best before them. */
  readonly evaluations: number;
  /** How many standard errors of the difference each must lie below it. */
  readonly standard_errors: number;
  /** How many base standard deviations, too. */
  readonly limit: number;
}

/** A fall. */
export interface Fall {
  /** The epoch of the best. */
  readonly epoch: number;
  /** The mean there. */
  readonly best: number;
  /** How far below it the last evaluations lie, over pairs of the same prompt and seed. */
  readonly falls: readonly Estimate[];
}

/**
 * Tells whether each of the last evaluations lies below the best of those before.
 *
 * @param path In order.
 * @param prompts `N` prompts, by which errors are clustered; of one prompt there is no error, and nothing is told.
 * @returns `null` where not.
 */
export function fallFromBest(
  path: readonly Place[],
  prompts: readonly string[],
  { evaluations, standard_errors, limit }: FallLimits,
): Fall | null {
  const before = path.slice(0, -evaluations).map(({ epoch, z }) => ({ epoch, z, mean: estimate(z).mean }));
  if (before.length === 0) return null;
  const best = before.reduce((best, place) => place.mean > best.mean ? place : best);
  const falls = path.slice(-evaluations).map(({ z }) =>
    estimateByPrompt(z.map((x, n) => best.z[n]! - x), prompts)
  );
  const isFallen = falls.every(({ mean, standard_error }) =>
    standard_error !== null && mean > limit && mean > standard_errors * standard_error
  );
  return isFallen ? { epoch: best.epoch, best: best.mean, falls } : null;
}

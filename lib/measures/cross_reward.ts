/**
 * What training on one reward did to others: gains in standard deviations of the base model's images.
 * @module
 */

import { type Estimate, estimate } from "./estimate.ts";

/** Scores of the same `N` prompts and seeds by the name of the reward. */
export type ScoresByReward = Readonly<Record<string, readonly number[]>>;

/** The gain in the reward that was trained on, and in those that were only watched. */
export interface CrossReward {
  /** The trained reward, in base standard deviations. */
  readonly in_domain: Estimate;
  /** The mean over the watched rewards. Its error is that of each image's mean, so that rewards may be correlated. */
  readonly out_of_domain: Estimate;
  /** Each watched reward; without those that are the same in all of the base model's images. */
  readonly watched: Readonly<Record<string, Estimate>>;
}

/** A difference of two means, and its error. */
export type Gap = Pick<Estimate, "mean" | "standard_error">;

/**
 * Measures gains over pairs of the same prompt and seed: of reward `r` the mean over `n` of
 * `z[r, n] = (adapted[r, n] - base[r, n]) / σ(base[r])`, out of domain of `z[n] = mean_r z[r, n]`.
 *
 * @param trained The name of the trained reward.
 * @param watched The names of the others.
 * @returns `null` where the trained reward or all others do not differ in the base model's images, or were not measured.
 * @throws {RangeError} If there are not as many scores.
 */
export function crossReward(
  adapted: ScoresByReward,
  base: ScoresByReward,
  trained: string,
  watched: readonly string[],
): CrossReward | null {
  const gains = (name: string) => zScores(adapted[name] ?? [], base[name] ?? []);
  const own = gains(trained);
  const others = watched.flatMap((name) => {
    const z = gains(name);
    return z === null ? [] : [[name, z] as const];
  });
  if (own === null || others.length === 0) return null;
  const means = own.map((_, n) => others.reduce((sum, [, z]) => sum + z[n]!, 0) / others.length);
  return {
    in_domain: estimate(own),
    out_of_domain: estimate(means),
    watched: Object.fromEntries(others.map(([name, z]) => [name, estimate(z)])),
  };
}

/**
 * Changes of single images in standard deviations of the base model's.
 *
 * @param scores `[N]`.
 * @param base `[N]`, of the same prompts and seeds.
 * @returns `[N]`, or `null` where the base model's do not differ.
 * @throws {RangeError} If there are not as many.
 */
export function zScores(scores: readonly number[], base: readonly number[]): readonly number[] | null {
  if (scores.length !== base.length) {
    throw new RangeError(
      `Cannot compare scores as they are not as many: ${scores.length} and ${base.length}`,
    );
  }
  const { std } = estimate(base);
  return std > 0 ? scores.map((score, n) => (score - base[n]!) / std) : null;
}

/**
 * How much of a gain holds for seen prompts only: the gain on seen less that on unseen ones, each over its own base, with
 * the error of a difference of independent means.
 */
export function seenGap(seen: Estimate, unseen: Estimate): Gap {
  const errors = [seen.standard_error, unseen.standard_error];
  return {
    mean: seen.mean - unseen.mean,
    standard_error: errors.every((error) => error !== null) ? Math.hypot(...errors) : null,
  };
}

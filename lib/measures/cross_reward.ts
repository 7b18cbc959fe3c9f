/**
 * What training on one reward did to others: gains in standard deviations of the base model's images.
 * @module
 */

import { type Estimate, estimate, estimateByPrompt } from "./estimate.ts";

/** Scores of the same `N` prompts and seeds by the name of the reward. */
export type ScoresByReward = Readonly<Record<string, readonly number[]>>;

/** The gain in what was trained on, and in the rewards that were only watched. */
export interface CrossReward {
  /** The trained reward, in base standard deviations; the mean over several. */
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
 * @param trained The name of the trained reward, or the names of several.
 * @param watched The names of the others.
 * @param prompts `N` prompts, by which errors are clustered.
 * @returns `null` where a trained reward or all others do not differ in the base model's images, or were not measured.
 * @throws {RangeError} If there are not as many scores.
 */
export function crossReward(
  adapted: ScoresByReward,
  base: ScoresByReward,
  trained: string | readonly string[],
  watched: readonly string[],
  prompts: readonly string[],
): CrossReward | null {
  const gains = (name: string) => zScores(adapted[name] ?? [], base[name] ?? []);
  const own = [trained].flat().map(gains);
  const others = watched.flatMap((name) => {
    const z = gains(name);
    return z === null ? [] : [[name, z] as const];
  });
  if (!own.every((z) => z !== null) || others.length === 0) return null;
  return {
    in_domain: estimateByPrompt(meanOf(own), prompts),
    out_of_domain: estimateByPrompt(meanOf(others.map(([, z]) => z)), prompts),
    watched: Object.fromEntries(others.map(([name, z]) => [name, estimateByPrompt(z, prompts)])),
  };
}

/** The mean of several lists of numbers, place by place. */
function meanOf(lists: readonly (readonly number[])[]): readonly number[] {
  return lists[0]!.map((_, n) => lists.reduce((sum, list) => sum + list[n]!, 0) / lists.length);
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
 * How much of a change holds for seen prompts only, `(ΔR_seen - ΔR_unseen) / σ`, with the error of a difference of independent
 * means.
 *
 * @param seen The change on seen prompts.
 * @param unseen The change on unseen ones.
 * @param std `σ`, of the base model's images of the seen prompts.
 * @returns `null` where those do not differ.
 */
export function seenGap(seen: Gap, unseen: Gap, std: number): Gap | null {
  if (std === 0) return null;
  const errors = [seen.standard_error, unseen.standard_error];
  return {
    mean: (seen.mean - unseen.mean) / std,
    standard_error: errors.every((error) => error !== null) ? Math.hypot(...errors) / std : null,
  };
}

/**
 * Means, and how sure they are.
 * @module
 */

/** A mean and how sure it is. */
export interface Estimate {
  /** The mean. */
  readonly mean: number;
  /** The standard deviation of single images; 0 where there is one. */
  readonly std: number;
  /** The standard error of the mean, as if all images were independent; `null` where there is one. */
  readonly standard_error: number | null;
}

/** How much higher a reward is than the base model's, over pairs of the same prompt and seed. */
export interface Change extends Estimate {
  /** The mean change in standard deviations of the base model's images; `null` where those do not differ. */
  readonly in_base_std: number | null;
}

/** The mean of some scores. */
export function estimate(scores: readonly number[]): Estimate {
  const count = scores.length;
  const mean = scores.reduce((sum, score) => sum + score, 0) / count;
  const squares = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0);
  const std = Math.sqrt(squares / Math.max(count - 1, 1));
  return { mean, std, standard_error: count > 1 ? std / Math.sqrt(count) : null };
}

/** How much higher scores are than the base model's of the same prompts and seeds. */
export function changeOf(scores: readonly number[], base: readonly number[]): Change {
  const change = estimate(scores.map((score, n) => score - base[n]!));
  const { std } = estimate(base);
  return { ...change, in_base_std: std > 0 ? change.mean / std : null };
}

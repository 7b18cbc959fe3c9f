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
  /** The standard error of the mean; `null` where nothing tells it, of one image or the images of one prompt. */
  readonly standard_error: number | null;
}

/** How much higher a reward is than the base model's, over pairs of the same prompt and seed. */
export interface Change extends Estimate {
  /** The mean change in standard deviations of the base model's images; `null` where those do not differ. */
  readonly in_base_std: number | null;
}

/** The mean of numbers that know nothing of each other. */
export function estimate(values: readonly number[]): Estimate {
  return estimateByPrompt(values, values.map((_, n) => n));
}

/**
 * The mean of some images' scores. Images of one prompt are alike, so that its error is clustered by prompt:
 * `SE² = G / (G - 1) Σ_g (Σ_{n in g} (x[n] - μ))² / N²` over `G` prompts, which with one image each is `σ² / N`.
 *
 * See Liang and Zeger 1986, https://doi.org/10.1093/biomet/73.1.13, and Cameron and Miller 2015,
 * https://doi.org/10.3368/jhr.50.2.317.
 *
 * @param scores `[N]`.
 * @param prompts `N` prompts, in any order.
 * @throws {RangeError} If there is not one prompt for each score.
 */
export function estimateByPrompt(scores: readonly number[], prompts: readonly unknown[]): Estimate {
  const count = scores.length;
  if (prompts.length !== count) {
    throw new RangeError(
      `Cannot estimate a mean as there is not one prompt a score: ${prompts.length} and ${count}`,
    );
  }
  const mean = sum(scores) / count;
  const residuals = scores.map((score) => score - mean);
  const groups = [...Map.groupBy(prompts.keys(), (n) => prompts[n]).values()];
  const squares = sum(groups.map((group) => sum(group.map((n) => residuals[n]!)) ** 2));
  return {
    mean,
    std: Math.sqrt(sum(residuals.map((residual) => residual ** 2)) / Math.max(count - 1, 1)),
    standard_error: groups.length > 1
      ? Math.sqrt(groups.length / (groups.length - 1) * squares) / count
      : null,
  };
}

/**
 * How much higher scores are than the base model's of the same prompts and seeds.
 *
 * @param prompts `N` prompts, by which the error is clustered.
 */
export function changeOf(
  scores: readonly number[],
  base: readonly number[],
  prompts: readonly string[],
): Change {
  const change = estimateByPrompt(scores.map((score, n) => score - base[n]!), prompts);
  const { std } = estimate(base);
  return { ...change, in_base_std: std > 0 ? change.mean / std : null };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

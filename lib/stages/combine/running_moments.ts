/**
 * Mean and deviation of all values so far, batch by batch.
 * @module
 */

import { type Moments, moments } from "../../core/moments.ts";

/** Moments of all values that have been taken in. */
export interface RunningMoments {
  /** How many values. */
  readonly count: number;
  /** Their mean. */
  readonly mean: number;
  /** The sum of their squared distances from it. */
  readonly squares: number;
}

/**
 * Takes a batch in: `mean = m_a + δ n_b / n`, `squares = s_a + s_b + δ² n_a n_b / n` with `δ = m_b - m_a`, in f64.
 *
 * See Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance".
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { momentsOf, withValues } from "@attune/attune";
 *
 * const running = withValues(withValues(undefined, [1, 3]), [5, 7]);
 * assertEquals(momentsOf(running), { mean: 4, std: Math.sqrt(5) });
 * ```
 *
 * @param before `undefined`: there were none.
 * @param values At least one.
 */
export function withValues(before: RunningMoments | undefined, values: ArrayLike<number>): RunningMoments {
  const { mean, std } = moments(values);
  const own = { count: values.length, mean, squares: std ** 2 * values.length };
  if (before === undefined) return own;
  const count = before.count + own.count;
  const delta = own.mean - before.mean;
  return {
    count,
    mean: before.mean + delta * own.count / count,
    squares: before.squares + own.squares + delta ** 2 * before.count * own.count / count,
  };
}

/** Mean and the population's standard deviation. */
export function momentsOf({ count, mean, squares }: RunningMoments): Moments {
  return { mean, std: Math.sqrt(squares / count) };
}

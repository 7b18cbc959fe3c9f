/**
 * How two quantities go together.
 * @module
 */

import { estimate } from "./estimate.ts";

/** Standard errors either way that an interval of 95 % reaches, of a normal distribution. */
const REACH = 1.959963984540054;

/** A correlation with its interval. */
export interface Correlation {
  /** Pearson's coefficient, in `[-1, 1]`. */
  readonly coefficient: number;
  /** Where the interval of 95 % begins. */
  readonly low: number;
  /** Where it ends. */
  readonly high: number;
}

/**
 * Pearson's correlation of pairs, with the interval of 95 % of Fisher's transformation: `tanh(atanh r ± 1.96 / √(N - 3))`.
 *
 * See Fisher 1921, "On the probable error of a coefficient of correlation deduced from a small sample".
 *
 * @returns `null` where less than four pairs leave no interval, and where a quantity does not vary.
 * @throws {RangeError} If not every number has its partner.
 */
export function correlation(x: readonly number[], y: readonly number[]): Correlation | null {
  if (x.length !== y.length) throw new RangeError(`Cannot correlate ${x.length} numbers with ${y.length}`);
  if (x.length < 4) return null;
  const [a, b] = [estimate(x), estimate(y)];
  if (a.std === 0 || b.std === 0) return null;
  const products = x.reduce((sum, value, i) => sum + (value - a.mean) * (y[i]! - b.mean), 0);
  const coefficient = Math.min(1, Math.max(-1, products / ((x.length - 1) * a.std * b.std)));
  const centre = Math.atanh(coefficient), reach = REACH / Math.sqrt(x.length - 3);
  return { coefficient, low: Math.tanh(centre - reach), high: Math.tanh(centre + reach) };
}

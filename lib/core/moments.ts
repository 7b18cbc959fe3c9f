/**
 * Mean and standard deviation of some numbers.
 * @module
 */

/** The mean and the population's standard deviation. */
export interface Moments {
  /** The mean. */
  readonly mean: number;
  /** The standard deviation. */
  readonly std: number;
}

/** Mean and standard deviation of some numbers, in f64. */
export function moments(xs: ArrayLike<number>): Moments {
  let sum = 0;
  for (let i = 0; i < xs.length; i++) sum += xs[i]!;
  const mean = sum / xs.length;
  let squares = 0;
  for (let i = 0; i < xs.length; i++) squares += (xs[i]! - mean) ** 2;
  return { mean, std: Math.sqrt(squares / xs.length) };
}

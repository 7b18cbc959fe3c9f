/**
 * Whether two groups of a few runs differ by more than their seeds do.
 * @module
 */

import { estimate } from "./estimate.ts";
import { studentQuantile } from "./student_t.ts";

/** What sums in double precision may be off by, relatively. */
const ROUNDING = 1e-12;

/** A difference of two means with its interval. */
export interface Difference {
  /** The first mean less the second. */
  readonly difference: number;
  /** Where the interval begins. */
  readonly low: number;
  /** Where it ends. */
  readonly high: number;
  /** Whether 0 is outside: more than noise explains. */
  readonly isApart: boolean;
}

/**
 * The difference of two means of numbers that belong together two by two, as of runs with the same seed, by Student's interval of
 * their differences: what both of a pair owe to what they share is no noise.
 *
 * @param level How sure the interval is, in `(0, 1)`.
 * @returns `null` where nothing tells noise: of less than two pairs, and where numbers vary but all differ alike, as small counts may
 * by chance.
 * @throws {RangeError} If not every number has its partner.
 */
export function paired(a: readonly number[], b: readonly number[], level: number): Difference | null {
  if (a.length !== b.length) throw new RangeError(`Cannot pair ${a.length} numbers with ${b.length}`);
  if (a.length < 2) return null;
  const { mean, std } = estimate(a.map((x, i) => x - b[i]!));
  const dust = dustOf(a, b);
  const found = around(mean, std / Math.sqrt(a.length), dust, () => studentQuantile(level, a.length - 1));
  const differAlike = found.isApart && found.low === found.high;
  return differAlike && [a, b].some((group) => estimate(group).std > dust) ? null : found;
}

/**
 * The difference of two means of independent numbers whose deviations may differ, by Welch's interval.
 *
 * See Welch 1947, "The generalization of 'Student's' problem when several different population variances are involved".
 *
 * @param level How sure the interval is, in `(0, 1)`.
 * @returns `null` where a group has less than two numbers, so that nothing tells noise.
 */
export function welch(a: readonly number[], b: readonly number[], level: number): Difference | null {
  if (Math.min(a.length, b.length) < 2) return null;
  const [first, second] = [estimate(a), estimate(b)];
  const [u, v] = [first.std ** 2 / a.length, second.std ** 2 / b.length];
  const degrees = () => (u + v) ** 2 / (u ** 2 / (a.length - 1) + v ** 2 / (b.length - 1));
  const quantile = () => studentQuantile(level, Math.max(degrees(), 1));
  return around(first.mean - second.mean, Math.sqrt(u + v), dustOf(a, b), quantile);
}

/** An interval of so many standard errors either way; numbers that are the same but for rounding have no noise. */
function around(difference: number, error: number, dust: number, quantile: () => number): Difference {
  if (error <= dust) {
    const isApart = Math.abs(difference) > dust;
    const exact = isApart ? difference : 0;
    return { difference: exact, low: exact, high: exact, isApart };
  }
  const reach = error * quantile();
  const [low, high] = [difference - reach, difference + reach];
  return { difference, low, high, isApart: low > 0 || high < 0 };
}

function dustOf(...groups: readonly (readonly number[])[]): number {
  return ROUNDING * Math.max(...groups.map((group) => Math.abs(estimate(group).mean)));
}

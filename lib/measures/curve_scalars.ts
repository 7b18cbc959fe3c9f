/**
 * The path of a training through gain and price, and what it comes to.
 *
 * The trained reward's gain is in domain, the mean gain of the watched rewards out of domain, both in base standard
 * deviations; the path begins with the base model at 0, 0.
 * @module
 */

import { firstAt } from "./path.ts";

/** A place on the path. */
export interface CurvePoint {
  /** The gain of the trained reward. */
  readonly inDomain: number;
  /** The mean gain of the watched rewards. */
  readonly outOfDomain: number;
}

/** What a path comes to. */
export interface CurveScalars {
  /** The out-of-domain gain where the path first reaches each asked-for in-domain gain; `null` where it never does. */
  readonly matched: readonly (number | null)[];
  /** The in-domain gain where the smoothed out-of-domain gain is highest: from there on, overoptimisation. */
  readonly onset: number;
  /** `∫ out d(in)` along the path by the trapezoid rule: what is lost again on the way back counts negatively. */
  readonly area: number;
  /** How far the smoothed out-of-domain gain has fallen from its highest by the end, at least 0. */
  readonly drop: number;
}

/**
 * Sums a path up.
 *
 * @param points In the order of training, at least one.
 * @param levels In-domain gains at which methods are compared.
 * @throws {RangeError} If there is no point.
 */
export function curveScalars(
  points: readonly CurvePoint[],
  levels: readonly number[] = [1, 2, 3],
): CurveScalars {
  if (points.length === 0) throw new RangeError("Cannot sum a path up as it has no point");
  const smooth = smoothed(points.map(({ outOfDomain }) => outOfDomain));
  const best = smooth.indexOf(Math.max(...smooth));
  const path = points.map(({ inDomain, outOfDomain }) => [inDomain, outOfDomain] as const);
  const steps = points.slice(1).map((to, i) => [points[i]!, to] as const);
  return {
    matched: levels.map((level) => firstAt(path, level)),
    onset: points[best]!.inDomain,
    area: steps.reduce(
      (sum, [from, to]) => sum + (to.inDomain - from.inDomain) * (from.outOfDomain + to.outOfDomain) / 2,
      0,
    ),
    drop: smooth[best]! - smooth.at(-1)!,
  };
}

/** The mean of each value and its two neighbours; at the ends, of those there are. */
function smoothed(values: readonly number[]): readonly number[] {
  return values.map((_, i) => {
    const near = values.slice(Math.max(i - 1, 0), i + 2);
    return near.reduce((sum, value) => sum + value, 0) / near.length;
  });
}

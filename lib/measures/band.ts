/**
 * Several paths as one, with how far apart they are.
 * @module
 */

import { estimate } from "./estimate.ts";
import { firstAt, type PathPoint } from "./path.ts";

/** A place of the band. */
export interface BandPoint {
  /** Across. */
  readonly x: number;
  /** The mean over paths. */
  readonly mean: number;
  /** The mean less one standard error; the mean where there is one path. */
  readonly low: number;
  /** The mean and one standard error. */
  readonly high: number;
}

/**
 * The mean of paths over their seeds and its standard error, at every place that one of them has a point at and that all
 * of them reach, each where it first does.
 *
 * @param paths At least one.
 */
export function bandOf(paths: readonly (readonly PathPoint[])[]): readonly BandPoint[] {
  const ends = paths.map((path) => Math.max(...path.map(([x]) => x)));
  const starts = paths.map((path) => path[0]?.[0] ?? Infinity);
  const [from, to] = [Math.max(...starts), Math.min(...ends)];
  const places = [...new Set(paths.flatMap((path) => path.map(([x]) => x)))]
    .filter((x) => x >= from && x <= to).sort((a, b) => a - b);
  return places.map((x) => {
    const { mean, standard_error } = estimate(paths.map((path) => firstAt(path, x)!));
    const error = standard_error ?? 0;
    return { x, mean, low: mean - error, high: mean + error };
  });
}

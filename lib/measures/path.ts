/**
 * Paths through points, read off at places in between.
 * @module
 */

/** A place: across and up. */
export type PathPoint = readonly [x: number, y: number];

/**
 * How high a path is where it first reaches `x` or more, on the straight line between two points: a path may turn back.
 *
 * @param points In the order they are gone through.
 * @returns `null` where it never gets there.
 */
export function firstAt(points: readonly PathPoint[], x: number): number | null {
  const end = points.findIndex(([across]) => across >= x);
  const [from, to] = [points[end - 1], points[end]];
  if (to === undefined) return null;
  return from === undefined ? to[1] : from[1] + (x - from[0]) / (to[0] - from[0]) * (to[1] - from[1]);
}

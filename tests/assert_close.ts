/**
 * Comparison of arrays.
 * @module
 */

import { assert } from "@std/assert";

/**
 * Fails where an element is off by more than `tol` times the largest expected value, naming the worst.
 *
 * @param what Names the case: seed, shape, part.
 */
export function assertClose(
  found: ArrayLike<number>,
  expected: ArrayLike<number>,
  tol: number,
  what: string,
): void {
  assert(
    found.length === expected.length,
    `${what}: ${found.length} values where ${expected.length} were expected`,
  );
  let largest = 1e-30;
  let worst = 0;
  const errorAt = (i: number) => Math.abs(found[i]! - expected[i]!);
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    if (!(errorAt(i) <= errorAt(worst))) worst = i;
  }
  const error = errorAt(worst);
  assert(
    error <= tol * largest,
    `${what}: error ${error} at ${worst} of ${expected.length}, ` +
      `${found[worst]} for ${expected[worst]}, largest value ${largest}`,
  );
}

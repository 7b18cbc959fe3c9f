/**
 * Between two vectors, and beyond.
 * @module
 */

import type { F32 } from "./tensor.ts";

/**
 * `(1 - share) from + share to`, in double precision and rounded once: at 0 and at 1 it is one of them, bit for bit.
 *
 * @param share Any number; outside of [0, 1] it leads beyond them.
 */
export function blend(from: F32, to: F32, share: number): F32 {
  return to.map((x, i) => (1 - share) * from[i]! + share * x);
}

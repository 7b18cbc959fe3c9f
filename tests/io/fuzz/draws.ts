/**
 * Random choices, one after the other, from a key.
 * @module
 */

import { fold, integers, type Key } from "../../../lib/core/random.ts";

/** Draws from one key; the same key gives the same draws in the same order. */
export interface Draws {
  /** A whole number below a bound. */
  readonly below: (bound: number) => number;
  /** One of some. */
  readonly one: <T>(from: readonly T[]) => T;
  /** A whole number such as files break at, also relative to a length. */
  readonly number: (length: number) => number;
}

/** Begins to draw. */
export function drawsFrom(key: Key): Draws {
  let count = 0;
  const below = (bound: number) => integers(fold(key, count++), 1, Math.max(1, bound))[0]!;
  const one = <T>(from: readonly T[]): T => from[below(from.length)]!;
  const number = (length: number) =>
    one([
      0,
      1,
      -1,
      2,
      below(256),
      below(length),
      length,
      length - 1,
      length + 1,
      0xff,
      0xffff,
      0x7fffffff,
      0xffffffff,
      2 ** 32,
      2 ** 53 - 1,
      2 ** 53,
      2 ** 62,
    ]);
  return { below, one, number };
}

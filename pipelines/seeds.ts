/**
 * Seeds as they are typed: `7`, `0-7`, `1,4,10-12`.
 *
 * @module
 */

import { UsageError } from "./usage_error.ts";

/** So many at most, against slips of the finger. */
const MOST = 10_000;

/**
 * Reads a list of seeds.
 *
 * @returns The seeds in the order given, each once.
 * @throws {UsageError} If the text is no such list.
 */
export function parseSeeds(text: string): readonly number[] {
  const seeds = text.split(",").flatMap((part) => {
    const [, from, to = from] = /^\s*(\d{1,15})(?:-(\d{1,15}))?\s*$/.exec(part) ?? [];
    if (from === undefined || Number(to) < Number(from)) {
      throw new UsageError(`Cannot read seeds as they are such as 7, 0-7 or 1,4,10-12: ${text}`);
    }
    const count = Number(to) - Number(from) + 1;
    if (count > MOST) throw new UsageError(`Cannot use more than ${MOST} seeds at once: ${part.trim()}`);
    return Array.from({ length: count }, (_, i) => Number(from) + i);
  });
  return [...new Set(seeds)];
}

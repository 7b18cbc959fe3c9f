/**
 * Rounds of loops: llvmpipe, the usual software adapter, ends all loops of an invocation after 65535 of them, without a word
 * (`LP_MAX_TGSI_LOOP_ITERATIONS` in Mesa). So every kernel says how many it takes.
 *
 * @module
 */

/** The rounds after which the loops of an invocation end. */
export const MOST_ROUNDS = 65535;

/**
 * Rounds of a loop that holds a loop that holds a loop, from their extents; leaving a loop counts as a round of it, and where an
 * extent is 0 there is none.
 *
 * `rounds(n, m, …) = n (1 + rounds(m, …)) + 1`.
 */
export function nestedRounds(...extents: readonly number[]): number {
  return extents.reduceRight((inner, extent) => extent === 0 ? 0 : extent * (1 + inner) + 1, 0);
}

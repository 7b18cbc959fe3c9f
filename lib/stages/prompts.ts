/**
 * Which prompts an epoch asks for.
 * @module
 */

import { fold, integers, type Key, permutation } from "../core/random.ts";

/**
 * Chooses prompts for the samples of an epoch.
 *
 * Balanced, prompts take turns: of all samples of a run, any `P` in a row that begin at a multiple of `P` ask for each of the
 * `P` prompts once. Otherwise each sample draws one with replacement.
 *
 * @param from The run's key.
 * @param epoch Which epoch.
 * @param samples How many samples each epoch has.
 * @param prompts How many prompts there are.
 * @returns The number of a prompt for each sample.
 */
export function choosePrompts(
  from: Key,
  epoch: number,
  samples: number,
  prompts: number,
  balanced: boolean,
): number[] {
  if (!balanced) return Array.from(integers(fold(fold(from, "draw"), epoch), samples, prompts));
  const turns = new Map<number, number[]>();
  return Array.from({ length: samples }, (_, i) => {
    const position = epoch * samples + i;
    const turn = Math.floor(position / prompts);
    const order = turns.get(turn) ?? permutation(fold(fold(from, "turn"), turn), prompts);
    turns.set(turn, order);
    return order[position % prompts]!;
  });
}

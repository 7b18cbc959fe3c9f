/**
 * The rewards of a run: to train on, and to watch.
 * @module
 */

import type { Reward } from "../rewards/reward.ts";

/** The rewards of a run. */
export interface RunRewards {
  /** The reward to train on; where there are several, the first. */
  readonly train: Reward;
  /** Further ones to train on, which `options.combination` names and weighs; default none. */
  readonly also?: readonly Reward[];
  /** Others to watch, which never reach a gradient. */
  readonly evaluate: readonly Reward[];
}

/** The rewards to train on, in order. */
export function trainedRewards({ train, also = [] }: RunRewards): readonly Reward[] {
  return [train, ...also];
}

/** All rewards, those to train on first; each name once. */
export function allRewards(rewards: RunRewards): readonly Reward[] {
  const all = [...trainedRewards(rewards), ...rewards.evaluate];
  return all.filter(({ name }, i) => all.findIndex((other) => other.name === name) === i);
}

/** What training raises, as one name: `gold + mini_pick`. */
export function trainedName(rewards: RunRewards): string {
  return trainedRewards(rewards).map(({ name }) => name).join(" + ");
}

/**
 * Which of a training's evaluated epochs brought most for its price.
 * @module
 */

import { zScores } from "./cross_reward.ts";
import { estimate } from "./estimate.ts";
import type { GuardEvaluation, GuardRecord } from "./guard.ts";
import { netGain } from "./net_gain.ts";

/** An epoch and what the policy after it is worth. */
export interface BestEpoch {
  /** How many epochs were complete. */
  readonly epoch: number;
  /** Its {@linkcode netGain}; the base model's is 0. */
  readonly net_gain: number;
}

/**
 * The epoch with the highest net gain over the base model, the first of equals.
 *
 * What is not measured, as diversity where each prompt has one image, costs nothing.
 *
 * @param records In order, the base model's first.
 * @param trained The names of the rewards that were trained on; what they gained counts by its mean.
 * @param watched The names of the others.
 * @param kept Epochs that may be chosen.
 * @returns `null` where none of them was evaluated, or there is no evaluation of the base model to compare with.
 */
export function bestEpoch(
  records: readonly GuardRecord[],
  trained: readonly string[],
  watched: readonly string[],
  kept: readonly number[],
): BestEpoch | null {
  const base = records.find(({ epoch }) => epoch === 0)?.evaluation;
  if (base === undefined || base === null) return null;
  return records.reduce<BestEpoch | null>((best, { epoch, evaluation }) => {
    if (evaluation === null || !kept.includes(epoch)) return best;
    const found = netGainOf(evaluation, base, trained, watched);
    return Number.isFinite(found) && found > (best?.net_gain ?? -Infinity)
      ? { epoch, net_gain: found }
      : best;
  }, null);
}

function netGainOf(
  adapted: GuardEvaluation,
  base: GuardEvaluation,
  trained: readonly string[],
  watched: readonly string[],
): number {
  const gain = (name: string) => {
    const z = zScores(adapted.rewards[name] ?? [], base.rewards[name] ?? []);
    return z === null ? [] : [estimate(z).mean];
  };
  const ratio = adapted.diversity / base.diversity;
  return netGain({
    inDomain: meanOf(trained.flatMap(gain)),
    outOfDomain: watched.flatMap(gain),
    diversityRatio: Number.isNaN(ratio) ? 1 : ratio,
  });
}

/** NaN where there are none. */
function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

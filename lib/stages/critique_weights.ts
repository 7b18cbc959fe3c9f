/**
 * The third stage of reward-weighted regression: how much of each sample the policy is to imitate.
 * @module
 */

import type { F32 } from "../core/tensor.ts";
import type { Context } from "./context.ts";
import { critiqueReturns, spread } from "./critique.ts";
import type { RewardWeightOptions } from "./options.ts";
import type { Critiqued, Scored, State } from "./records.ts";

/**
 * Weighs samples, all steps of one alike, by {@linkcode rewardWeights} of their rewards: normalised ones, or as they are
 * (what several come to is in deviations even so). With `rwr.centred` less 1, the mean: a policy that denoises its own images as
 * well as it can has no gradient from weights that are all the same, so that taking them off is a control variate; where samples
 * are guided, it also takes off the way to more guidance.
 *
 * See Black et al. 2023, https://arxiv.org/abs/2305.13301.
 *
 * @throws {RangeError} If samples are to be weighed among those of their prompt, and no prompt has two.
 */
export function critiqueWeights(state: State, scored: Scored, ctx: Pick<Context, "options">): Critiqued {
  const { rwr } = ctx.options;
  const critiqued = critiqueReturns(state, scored, ctx);
  const steps = critiqued.returns.shape[1]!;
  const last = scored.rewards.map((_, n) => critiqued.returns.data[(n + 1) * steps - 1]!);
  const rewards = rwr.standardised ? last : critiqued.combined ?? scored.rewards;
  if (rwr.per_prompt && new Set(scored.prompts).size === scored.prompts.length) {
    throw new RangeError(
      `Cannot weigh samples among those of their prompt as each of the ${scored.prompts.length} has another one: raise ` +
        "sample.group_size, or set rwr.per_prompt=false",
    );
  }
  const weights = rewardWeights(rewards, scored.prompts, rwr);
  const temporalRewards = spread(rwr.centred ? weights.map((weight) => weight - 1) : weights, steps);
  return { ...critiqued, temporalRewards };
}

/**
 * Weights of samples with mean 1: `N softmax(beta r)`, over all samples or over those of each prompt; or, with a percentile, the
 * same weight for all rewards at or above it and 0 for the others.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { rewardWeights } from "@attune/attune";
 *
 * const best = rewardWeights(Float32Array.of(1, 4, 2, 3), ["a", "a", "b", "b"], {
 *   beta: 1,
 *   per_prompt: false,
 *   percentile: 50,
 * });
 * assertEquals([...best], [0, 2, 0, 2]);
 * ```
 *
 * @param rewards `[N]`.
 * @param prompts `N` of them.
 */
export function rewardWeights(
  rewards: F32,
  prompts: readonly string[],
  { beta, per_prompt, percentile }: Pick<RewardWeightOptions, "beta" | "per_prompt" | "percentile">,
): Float32Array<ArrayBuffer> {
  const weights = new Float32Array(rewards.length);
  const groups = per_prompt ? [...new Set(prompts)] : [null];
  for (const group of groups) {
    const rows = prompts.flatMap((prompt, row) => group === null || prompt === group ? [row] : []);
    const own = rows.map((row) => rewards[row]!);
    const most = Math.max(...own);
    const least = percentile === null ? -Infinity : percentileOf(own, percentile);
    const shares = own.map((r) => percentile === null ? Math.exp(beta * (r - most)) : Number(r >= least));
    const sum = shares.reduce((total, share) => total + share, 0);
    rows.forEach((row, i) => weights[row] = rows.length * shares[i]! / sum);
  }
  return weights;
}

/** The value below which a percentage lies, linear between neighbours, as numpy has it. */
function percentileOf(values: readonly number[], percentage: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * percentage / 100;
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low + (high - low) * (at - Math.floor(at));
}

/**
 * What images are worth to training: one number each, whether one reward was asked or several.
 * @module
 */

import type { F32 } from "../core/tensor.ts";
import { combineRewards } from "./combine/combine_rewards.ts";
import type { RewardMemory } from "./combine/reward_memory.ts";
import type { Options } from "./options.ts";
import { type Normalise, normaliseRewards, type PromptStatistics } from "./prompt_statistics.ts";
import type { Scored, State } from "./records.ts";

/** What images are worth, and what is remembered of it. */
export interface TrainingRewards {
  /** `[N]`, with mean 0 and deviation 1, of the prompt, the group or the batch. */
  readonly rewards: F32;
  /** `[N]`, what several rewards came to, before that; `null` where there is one. */
  readonly combined: F32 | null;
  /** The latest training rewards of each prompt, these among them. */
  readonly promptStatistics: PromptStatistics;
  /** What there is to remember of several training rewards. */
  readonly rewardMemory: RewardMemory;
}

/**
 * Combines the training rewards, where there are several, and normalises what they come to. All methods that weigh steps do so
 * by these, so that combining means the same to each: `combined` stands where one reward would. Those that differentiate the
 * reward take one alone.
 *
 * What differs is how a method normalises: per prompt, or by group as with `grpo`. Rewards that `per_reward` has normalised so,
 * each on its own, are once more only over the batch. Reward-weighted regression on the rewards' own scale takes `combined` as
 * it is.
 *
 * @param normalise How the method normalises rewards; default per prompt, as options say.
 * @throws {RangeError} If there are no samples, or a training reward's scores are missing or not finite.
 */
export function trainingRewards(
  { promptStatistics, rewardMemory }: Pick<State, "promptStatistics" | "rewardMemory">,
  { rewards: own, scores, prompts }: Pick<Scored, "rewards" | "scores" | "prompts">,
  { combination, per_prompt_stat_tracking }: Pick<Options, "combination" | "per_prompt_stat_tracking">,
  normalise: Normalise = (statistics, rewards) =>
    normaliseRewards(statistics, rewards, prompts, per_prompt_stat_tracking),
): TrainingRewards {
  const several = combination && combineRewards(rewardMemory, scores, combination, normalise);
  const combined = several?.rewards ?? null;
  const overBatch: Normalise = (statistics, rewards) => normaliseRewards(statistics, rewards, prompts, null);
  const last = combination?.combine === "per_reward" ? overBatch : normalise;
  const { rewards, statistics } = last(promptStatistics, combined ?? own);
  return {
    rewards,
    combined,
    promptStatistics: statistics,
    rewardMemory: several?.memory ?? rewardMemory,
  };
}

/**
 * The fourth stage: policy and critic learn from what was sampled.
 * @module
 */

import { fold } from "../core/random.ts";
import type { Context } from "./context.ts";
import { descend } from "./descend.ts";
import type { Critiqued, State, Updated } from "./records.ts";
import { trainingSchedule } from "./training_schedule.ts";

/**
 * Trains on an epoch's samples, position by position of their steps: one optimizer step of policy and critic for every
 * `train.gradient_accumulation_steps` micro-batches.
 *
 * See Zhang et al. 2024, https://arxiv.org/abs/2402.08552. Differs from the reference implementation: in f32 throughout, so
 * that the critic's gradient is not divided by a loss scale (quirk 1) unless `train.critic_grad_div` says so.
 *
 * @returns The record with the state after all steps and the log of each.
 * @throws {NonFiniteError} If a loss or gradient is not finite; the state given is still good.
 */
export async function update(state: State, critiqued: Critiqued, ctx: Context): Promise<Updated> {
  const epochKey = fold(fold(state.key, "update"), state.epoch);
  const schedule = trainingSchedule(epochKey, ctx.options);
  const { policy, critic, updates } = await descend(
    state,
    critiqued,
    schedule,
    fold(epochKey, "dropout"),
    ctx,
  );
  return {
    ...critiqued,
    updates,
    state: {
      ...state,
      epoch: state.epoch + 1,
      policy,
      critic,
      promptStatistics: critiqued.promptStatistics,
      rewardQueries: state.rewardQueries + critiqued.rewards.length,
    },
  };
}

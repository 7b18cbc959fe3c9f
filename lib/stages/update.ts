/**
 * The fourth stage: policy and critic learn from what was sampled.
 * @module
 */

import { fold } from "../core/random.ts";
import { descend } from "./descend.ts";
import type { Stages } from "./method.ts";
import { policyGradient, type PolicyLesson } from "./policy_lesson.ts";
import { trainingSchedule } from "./training_schedule.ts";

/**
 * Trains on an epoch's samples by policy gradients, position by position of their steps: one optimizer step of policy and
 * critic for every `train.gradient_accumulation_steps` micro-batches, or for as many times as many as
 * `train.timesteps_per_update` has positions.
 *
 * See Zhang et al. 2024, https://arxiv.org/abs/2402.08552. Differs from the reference implementation: in f32 throughout, so
 * that the critic's gradient is not divided by a loss scale (quirk 1) unless `train.critic_grad_div` says so.
 *
 * @returns The record with the state after all steps and the log of each.
 * @throws {NonFiniteError} If a loss or gradient is not finite; the state given is still good.
 */
export const update: Stages["update"] = updateBy(policyGradient);

/** The same stage with another lesson for the policy, in another order. */
export function updateBy(
  lesson: PolicyLesson,
  scheduleOf: typeof trainingSchedule = trainingSchedule,
): Stages["update"] {
  return async (state, critiqued, ctx) => {
    const epochKey = fold(fold(state.key, "update"), state.epoch);
    const schedule = scheduleOf(epochKey, ctx.options);
    const judged = 1 + (lesson.judged?.(ctx.options) ?? 0);
    const { updates, ...learnt } = await descend(state, critiqued, schedule, epochKey, ctx, lesson);
    return {
      ...critiqued,
      updates,
      state: {
        ...state,
        ...learnt,
        epoch: state.epoch + 1,
        promptStatistics: critiqued.promptStatistics,
        rewardMemory: critiqued.rewardMemory,
        rewardQueries: state.rewardQueries + judged * critiqued.rewards.length,
      },
    };
  };
}

/**
 * The fourth stage: policy and critic learn from what was sampled.
 * @module
 */

import { pickRows } from "../core/rows.ts";
import { fold, permutation } from "../core/random.ts";
import type { Context } from "./context.ts";
import { descend } from "./descend.ts";
import type { Critiqued, State, Updated } from "./records.ts";
import { trainingSchedule } from "./training_schedule.ts";

/**
 * Trains on an epoch's samples by the method's lesson, position by position of their steps: one optimizer step of policy and
 * critic for every `train.gradient_accumulation_steps` micro-batches, or for as many times as many as
 * `train.timesteps_per_update` has positions. With `train.shuffle_advantages`, a control, temporal rewards change places between
 * samples first.
 *
 * See Zhang et al. 2024, https://arxiv.org/abs/2402.08552. Differs from the reference implementation: in f32 throughout, so
 * that the critic's gradient is not divided by a loss scale (quirk 1) unless `train.critic_grad_div` says so.
 *
 * @returns The record with the state after all steps and the log of each.
 * @throws {NonFiniteError} If a loss or gradient is not finite; the state given is still good.
 */
export async function update(state: State, given: Critiqued, ctx: Context): Promise<Updated> {
  const { method } = ctx;
  const critiqued = ctx.options.train.shuffle_advantages ? shuffled(state, given) : given;
  const lesson = await method.lesson.forEpoch?.(state, ctx) ?? method.lesson;
  const epochKey = fold(fold(state.key, "update"), state.epoch);
  const schedule = (lesson.scheduleOf ?? trainingSchedule)(epochKey, ctx.options);
  const judged = 1 + ctx.options.train.num_inner_epochs * (lesson.judged?.(ctx.options) ?? 0);
  const { updates, ...learnt } = await descend(state, critiqued, schedule, epochKey, {
    ...ctx,
    method: { ...method, lesson },
  });
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
}

/** The samples with their temporal rewards in a random order, so that these say nothing. */
function shuffled({ key, epoch }: State, critiqued: Critiqued): Critiqued {
  const from = fold(fold(key, "shuffle_advantages"), epoch);
  const order = permutation(from, critiqued.rewards.length);
  return { ...critiqued, temporalRewards: pickRows(critiqued.temporalRewards, order) };
}

/**
 * The critic learning alone, so that no epoch is judged by one that knows nothing (quirk 3).
 * @module
 */

import { fold, type Key } from "../core/random.ts";
import type { Context } from "./context.ts";
import { critique } from "./critique.ts";
import { descend, type Descended, type Learner } from "./descend.ts";
import type { Critiqued, State } from "./records.ts";
import { sample } from "./sample.ts";
import { score } from "./score.ts";
import { trainingSchedule } from "./training_schedule.ts";

/**
 * Lets the critic alone go through samples, `reset.relearn` times.
 *
 * @param critiqued What it learns from; how far it may go from what it predicted does not bind it here.
 */
export async function relearned(state: State, critiqued: Critiqued, ctx: Context): Promise<State> {
  const passes = ctx.options.reset.relearn;
  if (passes === 0) return state;
  const key = fold(fold(state.key, "relearn"), critiqued.epoch);
  const { critic } = await refitted(state, critiqued, passes, key, ctx);
  return { ...state, critic };
}

/**
 * Lets a critic alone go through samples.
 *
 * @param passes How often.
 * @param key Where the order and dropout draw from.
 * @returns The critic, and the log of each optimizer step, as many in every pass.
 */
export function refitted(
  learner: Learner,
  critiqued: Critiqued,
  passes: number,
  key: Key,
  ctx: Context,
): Promise<Descended> {
  const { options, onProgress: _, ...rest } = ctx;
  const schedule = trainingSchedule(key, {
    ...options,
    train: { ...options.train, num_inner_epochs: passes },
  });
  const { observed } = critiqued;
  return descend(
    learner,
    { ...critiqued, observed: observed && { ...observed, residuals: critiqued.returns } },
    schedule.map(({ critic }) => ({ policy: [], critic })),
    key,
    { ...rest, options },
  );
}

/** Lets the critic learn from an epoch's number of samples of the base model, before the first epoch. */
export async function introduced(state: State, ctx: Context): Promise<State> {
  if (ctx.options.reset.relearn === 0) return state;
  const before = { ...state, key: fold(state.key, "before") };
  const scored = await score(await sample(before, ctx), ctx);
  const critiqued = critique(before, scored, ctx);
  const { critic } = await relearned(before, critiqued, ctx);
  const { rewardMemory } = critiqued;
  return { ...state, critic, rewardMemory, rewardQueries: state.rewardQueries + scored.rewards.length };
}

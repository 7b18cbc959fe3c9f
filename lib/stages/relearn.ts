/**
 * The critic learning alone, so that no epoch is judged by one that knows nothing (quirk 3).
 * @module
 */

import { fold } from "../core/random.ts";
import type { Context } from "./context.ts";
import { critique } from "./critique.ts";
import { descend } from "./descend.ts";
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
  const { options, onProgress: _, ...rest } = ctx;
  const passes = options.reset.relearn;
  const { observed } = critiqued;
  if (passes === 0) return state;
  const key = fold(fold(state.key, "relearn"), critiqued.epoch);
  const schedule = trainingSchedule(key, {
    ...options,
    train: { ...options.train, num_inner_epochs: passes },
  });
  const { critic } = await descend(
    state,
    { ...critiqued, observed: observed && { ...observed, residuals: critiqued.returns } },
    schedule.map(({ critic }) => ({ policy: [], critic })),
    key,
    { ...rest, options },
  );
  return { ...state, critic };
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

/**
 * TDPO-R: temporal difference policy optimisation with resets of the critic's active neurons.
 *
 * Zhang et al. 2024, https://arxiv.org/abs/2402.08552.
 * @module
 */

import type { Context } from "./context.ts";
import { critique } from "./critique.ts";
import { type EpochMetrics, epochMetrics, type StageSeconds } from "./metrics.ts";
import type { State, Updated } from "./records.ts";
import { introduced } from "./relearn.ts";
import { reset } from "./reset.ts";
import { sample } from "./sample.ts";
import { score } from "./score.ts";
import { initialState } from "./state.ts";
import { update } from "./update.ts";

/** What one epoch brought. */
export interface Epoch {
  /** The state that the next epoch begins with. */
  readonly state: State;
  /** The samples, their scores and what was learnt from them. */
  readonly updated: Updated;
  /** What there is to log. */
  readonly metrics: EpochMetrics;
}

/**
 * Trains until `num_epochs`, and tells of every epoch.
 *
 * Before the first epoch the critic learns from samples of the base model, if `reset.relearn` says so.
 *
 * Resuming from a state that was told goes on with the bits of a run that never stopped.
 *
 * @param ctx From `prepare`.
 * @param start The state to go on from; default the first.
 */
export async function* tdpoR(ctx: Context, start: State = initialState(ctx)): AsyncGenerator<Epoch> {
  const { clock = () => 0 } = ctx;
  let state = start.epoch === 0 ? await introduced(start, ctx) : start;
  while (state.epoch < ctx.options.num_epochs) {
    const times = [clock()];
    const sampled = await sample(state, ctx);
    times.push(clock());
    const scored = await score(sampled, ctx);
    times.push(clock());
    const critiqued = critique(state, scored, ctx);
    times.push(clock());
    const updated = await update(state, critiqued, ctx);
    times.push(clock());
    const neurons = await reset(updated, ctx);
    times.push(clock());
    state = neurons.state;
    yield { state, updated, metrics: epochMetrics(updated, neurons, secondsBetween(times)) };
  }
}

function secondsBetween(times: readonly number[]): StageSeconds {
  const [sample, score, critique, update, reset] = times.slice(1).map((time, i) => (time - times[i]!) / 1000);
  return { sample: sample!, score: score!, critique: critique!, update: update!, reset: reset! };
}

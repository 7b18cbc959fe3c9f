/**
 * The loop of training, the same for every method.
 * @module
 */

import type { Context } from "./context.ts";
import { type EpochMetrics, epochMetrics, type StageSeconds } from "./metrics.ts";
import { inspect } from "./inspect.ts";
import type { State, Updated } from "./records.ts";
import { initialState } from "./state.ts";

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
 * Trains until `num_epochs` by the run's method, and tells of every epoch.
 *
 * Resuming from a state that was told goes on with the bits of a run that never stopped.
 *
 * @param ctx From `prepare`.
 * @param start The state to go on from; default the first.
 */
export async function* train(ctx: Context, start: State = initialState(ctx)): AsyncGenerator<Epoch> {
  const { clock = () => 0, method } = ctx;
  const { sample, score, critique, update, reset } = method.stages;
  let state = start.epoch === 0 && method.begin ? await method.begin(start, ctx) : start;
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
    const inspected = await inspect(state, updated, ctx);
    const after = await reset(updated, ctx);
    times.push(clock());
    state = after.state;
    yield { state, updated, metrics: epochMetrics(updated, inspected, after, secondsBetween(times)) };
  }
}

function secondsBetween(times: readonly number[]): StageSeconds {
  const [sample, score, critique, update, reset] = times.slice(1).map((time, i) => (time - times[i]!) / 1000);
  return { sample: sample!, score: score!, critique: critique!, update: update!, reset: reset! };
}

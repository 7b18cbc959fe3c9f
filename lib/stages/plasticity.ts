/**
 * Whether the critic can still learn.
 * @module
 */

import { moments } from "../core/moments.ts";
import { fold } from "../core/random.ts";
import type { F32 } from "../core/tensor.ts";
import { initParams } from "../nn/scope.ts";
import { newOptimizer, type OptimizerState } from "../optim/adamw.ts";
import { flatLayout, packParams } from "../optim/flat.ts";
import type { Context } from "./context.ts";
import type { Critiqued, State } from "./records.ts";
import { refitted } from "./relearn.ts";

/** Losses of two critics that learnt the same. */
export interface Plasticity {
  /** Of the run's critic. */
  readonly current_loss: number;
  /** Of one that began anew: where this is lower, the run's critic learns worse than one that knows nothing. */
  readonly fresh_loss: number;
}

/**
 * Lets a copy of the run's critic and a fresh one learn an epoch's samples in the same order, both with a fresh optimizer, and
 * compares them over the last pass. Neither is kept.
 *
 * They go through the samples `reset.relearn` times, but twice at least, so that the last pass is of what was seen before.
 */
export async function plasticityOf(
  state: Pick<State, "key" | "policy" | "ema"> & { readonly critic: OptimizerState },
  critiqued: Critiqued,
  ctx: Context,
): Promise<Plasticity> {
  const { models, options } = ctx;
  const key = fold(fold(state.key, "plasticity"), critiqued.epoch);
  const passes = Math.max(2, options.reset.relearn);
  const lossOf = async (params: F32) => {
    const critic = newOptimizer(params, state.critic.since !== null);
    const { updates } = await refitted({ ...state, critic }, critiqued, passes, key, ctx);
    return moments(updates.slice(-updates.length / passes).map(({ critic_loss }) => critic_loss!)).mean;
  };
  const fresh = packParams(
    flatLayout(models.critic.specs),
    initParams(models.critic.specs, fold(key, "fresh")),
  );
  return { current_loss: await lossOf(state.critic.params), fresh_loss: await lossOf(fresh) };
}

/**
 * What is logged of an epoch, by the names that `metrics.jsonl` has.
 * @module
 */

import { type Moments, moments } from "./prompt_statistics.ts";
import type { Reset, Updated, UpdateLog } from "./records.ts";

/** How long each stage took, in seconds. */
export interface StageSeconds {
  /** Denoising, and looking at what is denoised. */
  readonly sample: number;
  /** All rewards. */
  readonly score: number;
  /** Temporal rewards. */
  readonly critique: number;
  /** All optimizer steps. */
  readonly update: number;
  /** Scoring the critic's neurons, and the reset. */
  readonly reset: number;
}

/** Numbers of one epoch. */
export interface EpochMetrics {
  /** Which epoch, counted from 0. */
  readonly epoch: number;
  /** Images the training reward has judged so far. */
  readonly reward_queries: number;
  /** Every reward on its own scale. */
  readonly rewards: Readonly<Record<string, Moments>>;
  /** Mean over optimizer steps. */
  readonly policy_loss: number;
  /** Mean over optimizer steps. */
  readonly critic_loss: number;
  /** The part of the returns' variance that the critic explained when sampling. */
  readonly critic_explained_variance: number;
  /** The same for each step index. */
  readonly critic_explained_variance_by_step: readonly number[];
  /** Mean over optimizer steps. */
  readonly approx_kl: number;
  /** Mean over optimizer steps. */
  readonly clip_fraction: number;
  /** Mean over optimizer steps. */
  readonly critic_clip_fraction: number;
  /** Largest `|ratio - 1|` of the first optimizer step, which must be 0. */
  readonly ratio_before_update_max_error: number;
  /** Means over optimizer steps, before clipping. */
  readonly grad_norm: { readonly policy: number; readonly critic: number };
  /** Dormant neurons by hidden layer, and of all. */
  readonly dormant_fraction: { readonly layers: readonly number[]; readonly total: number };
  /** Neurons that were reset. */
  readonly neurons_reset: number;
  /** Seconds of each stage. */
  readonly seconds: StageSeconds;
}

/** Gathers the metrics of an epoch. */
export function epochMetrics(updated: Updated, neurons: Reset, seconds: StageSeconds): EpochMetrics {
  const { updates, scores } = updated;
  const mean = (pick: (log: UpdateLog) => number) => moments(updates.map(pick)).mean;
  return {
    epoch: updated.epoch,
    reward_queries: updated.state.rewardQueries,
    rewards: Object.fromEntries(Object.entries(scores).map(([name, values]) => [name, moments(values)])),
    policy_loss: mean((log) => log.policy_loss),
    critic_loss: mean((log) => log.critic_loss),
    critic_explained_variance: updated.explainedVariance,
    critic_explained_variance_by_step: updated.explainedVariances,
    approx_kl: mean((log) => log.approx_kl),
    clip_fraction: mean((log) => log.clip_fraction),
    critic_clip_fraction: mean((log) => log.critic_clip_fraction),
    ratio_before_update_max_error: Math.max(...updates[0]!.ratios.map((ratio) => Math.abs(ratio - 1))),
    grad_norm: {
      policy: mean((log) => log.grad_norm.policy),
      critic: mean((log) => log.grad_norm.critic),
    },
    dormant_fraction: { layers: neurons.dormantFractions, total: neurons.dormantFraction },
    neurons_reset: neurons.neuronsReset,
    seconds,
  };
}

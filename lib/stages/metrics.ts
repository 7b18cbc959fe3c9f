/**
 * What is logged of an epoch, by the names that `metrics.jsonl` has.
 * @module
 */

import { type Moments, moments } from "../core/moments.ts";
import { type ConstraintLog, constraintLogs } from "./combine/constraint_logs.ts";
import type { Inspected } from "./inspect.ts";
import type { DormantParts } from "./neurons.ts";
import type { Plasticity } from "./plasticity.ts";
import { type PolicyNoise, policyNoise } from "./policy_noise.ts";
import type { Logged, Norms, Reset, Updated, UpdateLog } from "./records.ts";

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
  /** Looking at neurons and at what `probe.*` asks for, and the reset. */
  readonly reset: number;
}

/** Numbers of one epoch; what the method has nothing like is absent. Losses and the like are means over optimizer steps. */
export interface EpochMetrics extends Partial<Logged> {
  /** Which epoch, counted from 0. */
  readonly epoch: number;
  /** Images judged so far in order to train. */
  readonly reward_queries: number;
  /** Every reward on its own scale. */
  readonly rewards: Readonly<Record<string, Moments>>;
  /** What several training rewards came to, in deviations; absent where there is one. */
  readonly combined?: Moments;
  /** The constraints by their rewards' names; absent where there are none. */
  readonly constraints?: Readonly<Record<string, ConstraintLog>>;
  /** The part of the returns' variance that the critic explained when sampling. */
  readonly critic_explained_variance?: number;
  /** The same for each step index. */
  readonly critic_explained_variance_by_step?: readonly number[];
  /** Largest `|ratio - 1|` of the first optimizer step, which must be 0. */
  readonly ratio_before_update_max_error?: number;
  /** Before clipping. */
  readonly grad_norm: Norms;
  /** How much of the policy's gradient is noise; `null` where no optimizer step has micro-batches that tell. */
  readonly gradient_noise: PolicyNoise | null;
  /** Norms of all parameters. */
  readonly weight_norm: Norms;
  /** The critic's dormant neurons by hidden layer, and of all, by `reset.tau`. */
  readonly dormant_fraction?: DormantParts;
  /** The same by other thresholds, each by its number. */
  readonly dormant_by_tau?: Readonly<Record<string, DormantParts>>;
  /** The part of the neurons that were dormant before the epoch's training and are after it; `null` where none was. */
  readonly dormant_overlap?: number | null;
  /** In how many directions each hidden layer's output varies. */
  readonly effective_rank?: readonly number[];
  /** Whether the critic still learns; absent where `probe.plasticity` was not due. */
  readonly plasticity?: Plasticity;
  /** Neurons of critic or policy that were reset. */
  readonly neurons_reset?: number;
  /** Seconds of each stage. */
  readonly seconds: StageSeconds;
}

/** Gathers the metrics of an epoch. */
export function epochMetrics(
  updated: Updated,
  { neurons: health, weightNorms, gradients, plasticity }: Inspected,
  { neurons }: Pick<Reset, "neurons">,
  seconds: StageSeconds,
): EpochMetrics {
  const { updates, scores, explained } = updated;
  const [first] = updates;
  return {
    epoch: updated.epoch,
    reward_queries: updated.state.rewardQueries,
    rewards: Object.fromEntries(Object.entries(scores).map(([name, values]) => [name, moments(values)])),
    ...updated.combined && { combined: moments(updated.combined) },
    ...constraintLogs(updated),
    ...meanOf(updates, "policy_loss"),
    ...meanOf(updates, "critic_loss"),
    ...explained && {
      critic_explained_variance: explained.variance,
      critic_explained_variance_by_step: explained.byStep,
    },
    ...meanOf(updates, "approx_kl"),
    ...meanOf(updates, "clip_fraction"),
    ...meanOf(updates, "kl_loss"),
    ...meanOf(updates, "critic_clip_fraction"),
    ...first && first.ratios.length > 0 && {
      ratio_before_update_max_error: Math.max(...first.ratios.map((ratio) => Math.abs(ratio - 1))),
    },
    grad_norm: {
      policy: moments(updates.map(({ grad_norm }) => grad_norm.policy)).mean,
      ...first?.grad_norm.critic !== undefined && {
        critic: moments(updates.map(({ grad_norm }) => grad_norm.critic!)).mean,
      },
    },
    gradient_noise: policyNoise(
      updates,
      gradients.length > 0 ? gradients : updates,
      updated.logProbs.shape[1]!,
    ),
    weight_norm: weightNorms,
    ...neurons?.dormant && { dormant_fraction: neurons.dormant },
    ...health && {
      dormant_by_tau: health.dormantByTau,
      dormant_overlap: health.dormantOverlap,
      effective_rank: health.effectiveRanks,
    },
    ...plasticity && { plasticity },
    ...neurons && { neurons_reset: neurons.reset },
    seconds,
  };
}

/** The mean of a number over the optimizer steps; nothing if they do not log it. */
function meanOf(updates: readonly UpdateLog[], name: keyof Logged): Partial<Logged> {
  const values = updates.flatMap((log) => log[name] ?? []);
  return values.length === 0 ? {} : { [name]: moments(values).mean };
}

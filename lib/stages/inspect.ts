/**
 * Looking at what an epoch's training did to policy and critic, without touching them.
 * @module
 */

import { fold } from "../core/random.ts";
import type { F32 } from "../core/tensor.ts";
import { effectiveRank } from "../measures/effective_rank.ts";
import type { Context } from "./context.ts";
import { descend } from "./descend.ts";
import { neuronActivity } from "./neuron_activity.ts";
import { dormantNeurons, dormantOverlap, type DormantParts, dormantParts, neuronScores } from "./neurons.ts";
import { type Plasticity, plasticityOf } from "./plasticity.ts";
import { stepsPerUpdate } from "./options.ts";
import type { Norms, State, Updated, UpdateLog } from "./records.ts";
import { trainingSchedule } from "./training_schedule.ts";

/** What was found. */
export interface Inspected {
  /** The critic after training, before any reset; `null`: the method has none. */
  readonly neurons: NeuronHealth | null;
  /** Euclidean norms of all parameters. */
  readonly weightNorms: Norms;
  /** Gradients of the policy that sampled, each at one denoising step: the log of a step that was not kept. Empty where not due, and where a lesson chooses steps itself. */
  readonly gradients: readonly UpdateLog[];
  /** Whether the critic still learns; `null` where not due, or there is none. */
  readonly plasticity: Plasticity | null;
}

/** What the critic's neurons are like. */
export interface NeuronHealth {
  /** The dormant parts by the highest score that counts as dormant. */
  readonly dormantByTau: Readonly<Record<string, DormantParts>>;
  /**
   * Of the neurons that were dormant before the epoch's training, the part that is so after it, on the same samples and by
   * `reset.tau`; `null` where none was.
   */
  readonly dormantOverlap: number | null;
  /** The effective rank of what each hidden layer hands on. */
  readonly effectiveRanks: readonly number[];
}

/** The highest scores of dormant neurons that are told apart. */
const TAUS: readonly number[] = [0, 0.025, 0.1];

/**
 * Inspects an epoch: neurons, weights, and what `probe.*` says is due.
 *
 * @param state The state that sampled; that after training is in `updated`.
 */
export async function inspect(state: State, updated: Updated, ctx: Context): Promise<Inspected> {
  const { probe } = ctx.options;
  const after = updated.state;
  const { policy, critic } = after;
  const isDue = (every: number) => every > 0 && after.epoch % every === 0;
  return {
    neurons: await neuronHealth(state, updated, ctx),
    weightNorms: { policy: norm(policy.params), ...critic && { critic: norm(critic.params) } },
    gradients: isDue(probe.gradient) && !ctx.method.lesson.scheduleOf
      ? await gradientsByStep(state, updated, ctx)
      : [],
    plasticity: critic && isDue(probe.plasticity)
      ? await plasticityOf({ ...after, critic }, updated, ctx)
      : null,
  };
}

async function neuronHealth(state: State, updated: Updated, ctx: Context): Promise<NeuronHealth | null> {
  const { observed, state: { critic } } = updated;
  if (observed === null || critic === null || state.critic === null) return null;
  const [before, now] = [
    await neuronActivity(state.critic, observed, updated, ctx),
    await neuronActivity(critic, observed, updated, ctx),
  ];
  const [scoresBefore, scores] = [neuronScores(before.activity), neuronScores(now.activity)];
  const { tau } = ctx.options.reset;
  return {
    dormantByTau: Object.fromEntries(TAUS.map((tau) => [tau, dormantParts(dormantNeurons(scores, tau))])),
    dormantOverlap: dormantOverlap(dormantNeurons(scoresBefore, tau), dormantNeurons(scores, tau)),
    effectiveRanks: now.features.map(effectiveRank),
  };
}

/** Goes through an epoch's samples step index by step index as training would, always from the same policy. */
async function gradientsByStep(state: State, updated: Updated, ctx: Context): Promise<readonly UpdateLog[]> {
  const { options, onProgress: _, ...rest } = ctx;
  const key = fold(fold(state.key, "gradients"), updated.epoch);
  const train = { ...options.train, shuffle_timestep: false, timesteps_per_update: 1, num_inner_epochs: 1 };
  const logs: UpdateLog[] = [];
  for (const { policy } of trainingSchedule(key, { ...options, train })) {
    const { updates } = await descend(state, updated, [{ policy, critic: [] }], key, { ...rest, options });
    logs.push(...updates.map((log) => ofWhole(log, stepsPerUpdate(options))));
  }
  return logs;
}

/** The log of a step index as training at that alone would have it, from the share that it has of updates over several. */
function ofWhole(log: UpdateLog, steps: number): UpdateLog {
  const { grad_norm, squared_grad_norm } = log;
  return {
    ...log,
    grad_norm: { ...grad_norm, policy: steps * grad_norm.policy },
    ...squared_grad_norm !== undefined && { squared_grad_norm: steps ** 2 * squared_grad_norm },
  };
}

function norm(values: F32): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

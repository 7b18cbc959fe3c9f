/**
 * The fifth stage: every few epochs some of the critic's neurons, or of the policy's, begin anew.
 * @module
 */

import { fold } from "../core/random.ts";
import type { F32 } from "../core/tensor.ts";
import { initParams, type ParamSpec } from "../nn/scope.ts";
import type { OptimizerState } from "../optim/adamw.ts";
import { packParams } from "../optim/flat.ts";
import type { Context } from "./context.ts";
import { neuronActivity } from "./neuron_activity.ts";
import { neuronContributions } from "./neuron_contributions.ts";
import {
  chosenNeurons,
  countNeurons,
  dormantNeurons,
  dormantParts,
  type NeuronMasks,
  neuronScores,
  resetNeurons,
  sharedNeurons,
  withDeviation,
  withLikeOutgoing,
} from "./neurons.ts";
import type { Reset, State, Updated } from "./records.ts";
import { relearned } from "./relearn.ts";

/** The deviation of new weights in the reference implementation, whatever the critic's width. */
const REFERENCE_STD = 1 / 769;

/**
 * Scores neurons, and after every `reset.frequency` epochs resets those that `reset.mode` names.
 *
 * The critic's are scored by their activity on one embedding of every sample, each at a random step. With `reset.of` policy
 * the components of its adapters are reset in their place, scored by what they contribute. These begin as at the start of
 * training, in the running mean too: a mean over what was and what begins anew would be of two that have nothing in common.
 *
 * See Zhang et al. 2024, https://arxiv.org/abs/2402.08552. Differs from the reference implementation in what `reset.*` says
 * (quirks 3, 4, 7 and 10).
 *
 * A method without a critic goes on as it is, unless the policy is reset.
 *
 * @returns The state that the next epoch begins with, and what was found.
 */
export async function reset(updated: Updated, ctx: Context): Promise<Reset> {
  const { state } = updated;
  const { of, tau } = ctx.options.reset;
  const dormantBy = (activity: readonly F32[]) => dormantNeurons(neuronScores(activity), tau);
  const ofCritic = await criticActivity(updated, ctx);
  const activity = of === "policy" ? policyContributions(state, ctx) : ofCritic;
  if (activity === null) return { state, neurons: null };
  const chosen = dueNeurons(dormantBy(activity), state, ctx);
  const count = countNeurons(chosen);
  return {
    state: count === 0 ? state : await begunAnew(updated, chosen, ctx),
    neurons: { dormant: ofCritic && dormantParts(dormantBy(ofCritic)), reset: count },
  };
}

async function criticActivity(updated: Updated, ctx: Context): Promise<readonly F32[] | null> {
  const { observed, state: { critic } } = updated;
  if (critic === null || observed === null) return null;
  return (await neuronActivity(critic, observed, updated, ctx)).activity;
}

function policyContributions({ policy }: State, { models, layouts }: Context): readonly F32[] {
  return neuronContributions(policy.params, layouts.policy, models.policy.neurons);
}

/** The neurons that are to be reset after this epoch. */
function dueNeurons(dormant: NeuronMasks, { key, epoch }: State, { options }: Context): NeuronMasks {
  const { frequency, mode, share } = options.reset;
  const isDue = frequency > 0 && epoch % frequency === 0;
  return sharedNeurons(chosenNeurons(dormant, isDue ? mode : "none"), share, fold(fold(key, "share"), epoch));
}

/** The state with neurons reset; the critic learns again what it has forgotten. */
async function begunAnew(updated: Updated, chosen: NeuronMasks, ctx: Context): Promise<State> {
  const { state } = updated;
  const again = resetOf(chosen, state, ctx);
  const { policy, critic, ema } = state;
  return ctx.options.reset.of === "policy"
    ? { ...state, policy: again(policy), ema: ema && again({ ...policy, params: ema }).params }
    : await relearned({ ...state, critic: critic && again(critic) }, updated, ctx);
}

/** What a reset does to parameters and their optimizer. */
function resetOf(
  chosen: NeuronMasks,
  { key, epoch }: State,
  ctx: Context,
): (optimizer: OptimizerState) => OptimizerState {
  const { of, seed, outgoing, optimizer_step } = ctx.options.reset;
  const layout = ctx.layouts[of]!;
  const root = fold(key, "reset");
  const from = seed === "distinct" ? fold(root, epoch) : root;
  const draw = (use: string) => packParams(layout, initParams(freshSpecs(ctx), fold(from, use)));
  const fresh = { incoming: draw("incoming"), outgoing: outgoing === "zero" ? null : draw("outgoing") };
  return (optimizer) =>
    resetNeurons(optimizer, layout, ctx.models[of].neurons, chosen, fresh, optimizer_step === "reset");
}

/** What new weights are drawn from. */
function freshSpecs({ models: { critic, policy }, options: { reset } }: Context): readonly ParamSpec[] {
  if (reset.of === "policy") return withLikeOutgoing(policy.specs, policy.neurons);
  return reset.std_from_width ? critic.specs : withDeviation(critic.specs, REFERENCE_STD);
}

/**
 * The fifth stage: every few epochs some of the critic's neurons begin anew.
 * @module
 */

import { fold } from "../core/random.ts";
import { initParams } from "../nn/scope.ts";
import type { OptimizerState } from "../optim/adamw.ts";
import { flatLayout, packParams } from "../optim/flat.ts";
import type { Context } from "./context.ts";
import { neuronActivity } from "./neuron_activity.ts";
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
} from "./neurons.ts";
import type { Reset, State, Updated } from "./records.ts";
import { relearned } from "./relearn.ts";

/** The deviation of new weights in the reference implementation, whatever the critic's width. */
const REFERENCE_STD = 1 / 769;

/**
 * Scores the critic's neurons on one embedding of every sample, each at a random step, and after every
 * `reset.frequency` epochs resets those that `reset.mode` names.
 *
 * See Zhang et al. 2024, https://arxiv.org/abs/2402.08552. Differs from the reference implementation in what `reset.*` says
 * (quirks 3, 4, 7 and 10).
 *
 * A method without a critic goes on as it is.
 *
 * @returns The state that the next epoch begins with, and what was found.
 */
export async function reset(updated: Updated, ctx: Context): Promise<Reset> {
  const { state, observed } = updated;
  const { frequency, tau, mode, share } = ctx.options.reset;
  const { critic } = state;
  if (critic === null || observed === null) return withoutReset(updated);
  const { activity } = await neuronActivity(critic, observed, updated, ctx);
  const dormant = dormantNeurons(neuronScores(activity), tau);
  const isDue = frequency > 0 && state.epoch % frequency === 0;
  const from = fold(fold(state.key, "share"), state.epoch);
  const chosen = sharedNeurons(chosenNeurons(dormant, isDue ? mode : "none"), share, from);
  const neuronsReset = countNeurons(chosen);
  const forgetful = neuronsReset === 0
    ? state
    : { ...state, critic: resetCritic(critic, state, chosen, ctx) };
  return {
    state: neuronsReset === 0 ? state : await relearned(forgetful, updated, ctx),
    neurons: { dormant: dormantParts(dormant), reset: neuronsReset },
  };
}

/** The same stage where there is no critic: nothing is made anew. */
export function withoutReset({ state }: Updated): Promise<Reset> {
  return Promise.resolve({ state, neurons: null });
}

function resetCritic(
  critic: OptimizerState,
  state: State,
  chosen: NeuronMasks,
  { models, options }: Context,
): OptimizerState {
  const layout = flatLayout(models.critic.specs);
  const { seed, std_from_width, outgoing, optimizer_step } = options.reset;
  const root = fold(state.key, "reset");
  const from = seed === "distinct" ? fold(root, state.epoch) : root;
  const specs = std_from_width ? models.critic.specs : withDeviation(models.critic.specs, REFERENCE_STD);
  const draw = (use: string) => packParams(layout, initParams(specs, fold(from, use)));
  const fresh = { incoming: draw("incoming"), outgoing: outgoing === "zero" ? null : draw("outgoing") };
  return resetNeurons(
    critic,
    layout,
    models.critic.layers,
    chosen,
    fresh,
    optimizer_step === "reset",
  );
}

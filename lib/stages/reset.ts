/**
 * The fifth stage: every few epochs some of the critic's neurons begin anew.
 * @module
 */

import { fold, integers } from "../core/random.ts";
import { tensor } from "../core/tensor.ts";
import { timestepsOf } from "../diffusion/ddim.ts";
import { initParams } from "../nn/scope.ts";
import { packParams } from "../optim/flat.ts";
import type { Context } from "./context.ts";
import {
  chosenNeurons,
  countNeurons,
  dormantNeurons,
  neuronScores,
  resetNeurons,
  withDeviation,
} from "./neurons.ts";
import type { Reset, State, Updated } from "./records.ts";
import { floats, pickPlaces, pickRows, type Place } from "./rows.ts";
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
 * @returns The state that the next epoch begins with, and what was found.
 */
export async function reset(updated: Updated, ctx: Context): Promise<Reset> {
  const { state } = updated;
  const { frequency, tau, mode } = ctx.options.reset;
  const scores = await scoreNeurons(state, updated, ctx);
  const dormant = dormantNeurons(scores, tau);
  const isDue = frequency > 0 && state.epoch % frequency === 0;
  const chosen = chosenNeurons(dormant, isDue ? mode : "none");
  const neuronsReset = countNeurons(chosen);
  const forgetful = neuronsReset === 0 ? state : { ...state, critic: resetCritic(state, chosen, ctx) };
  const fraction = (layer: readonly boolean[]) => countNeurons([layer]) / layer.length;
  return {
    state: neuronsReset === 0 ? state : await relearned(forgetful, updated, ctx),
    dormantFractions: dormant.map(fraction),
    dormantFraction: fraction(dormant.flat()),
    neuronsReset,
  };
}

async function scoreNeurons(state: State, updated: Updated, ctx: Context): Promise<number[][]> {
  const { runtime, schedule, programs, conditioning } = ctx;
  const rows = updated.promptRows;
  const draws = integers(fold(fold(state.key, "neurons"), updated.epoch), rows.length, schedule.length);
  const places = rows.map((_, row): Place => [row, draws[row]!]);
  const activity = programs.activity.run({
    critic: tensor([state.critic.params.length], state.critic.params),
    embedding: pickPlaces(updated.embeddings, places),
    timestep: timestepsOf(places.map(([, stepIndex]) => schedule[stepIndex]!)),
    pooled: pickRows(conditioning.pooled, rows),
  });
  const layers = await runtime.get(Object.values(activity));
  runtime.free(Object.values(activity));
  return neuronScores(layers.map((layer) => floats(layer).data));
}

function resetCritic(
  state: State,
  chosen: ReturnType<typeof chosenNeurons>,
  { models, layouts, options }: Context,
): State["critic"] {
  const { seed, std_from_width, outgoing, optimizer_step } = options.reset;
  const root = fold(state.key, "reset");
  const from = seed === "distinct" ? fold(root, state.epoch) : root;
  const specs = std_from_width ? models.critic.specs : withDeviation(models.critic.specs, REFERENCE_STD);
  const draw = (use: string) => packParams(layouts.critic, initParams(specs, fold(from, use)));
  const fresh = { incoming: draw("incoming"), outgoing: outgoing === "zero" ? null : draw("outgoing") };
  return resetNeurons(
    state.critic,
    layouts.critic,
    models.critic.layers,
    chosen,
    fresh,
    optimizer_step === "reset",
  );
}

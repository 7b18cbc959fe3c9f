/**
 * What the critic's neurons do on an epoch's samples.
 * @module
 */

import { fold, integers } from "../core/random.ts";
import { pickRows } from "../core/rows.ts";
import { type F32, type FloatTensor, tensor } from "../core/tensor.ts";
import { timestepsOf } from "../diffusion/ddim.ts";
import type { OptimizerState } from "../optim/adamw.ts";
import type { Context } from "./context.ts";
import { activityProgram } from "./programs.ts";
import type { Observed, Updated } from "./records.ts";
import { floats, pickPlaces, type Place } from "./rows.ts";

/** What neurons do, by hidden layer. */
export interface NeuronActivity {
  /** `mean_b relu(h_bi)` of each neuron. */
  readonly activity: readonly F32[];
  /** `[N, width]`, what the layer hands on. */
  readonly features: readonly FloatTensor[];
}

/** Runs a critic on one embedding of every sample, each at a random step that is the same for all critics of a run. */
export async function neuronActivity(
  critic: OptimizerState,
  { embeddings }: Observed,
  { state: { key }, epoch, promptRows: rows }: Updated,
  { runtime, schedule, programs, conditioning }: Context,
): Promise<NeuronActivity> {
  const draws = integers(fold(fold(key, "neurons"), epoch), rows.length, schedule.length);
  const places = rows.map((_, row): Place => [row, draws[row]!]);
  const results = programs.of(activityProgram).run({
    critic: tensor([critic.params.length], critic.params),
    embedding: pickPlaces(embeddings, places),
    timestep: timestepsOf(places.map(([, stepIndex]) => schedule[stepIndex]!)),
    pooled: pickRows(conditioning.pooled, rows),
  });
  const host = (await runtime.get(Object.values(results))).map(floats);
  runtime.free(Object.values(results));
  const layers = host.length / 2;
  return { activity: host.slice(0, layers).map(({ data }) => data), features: host.slice(layers) };
}

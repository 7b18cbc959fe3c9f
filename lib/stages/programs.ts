/**
 * The programs of a run: which graphs are compiled, and what each is for.
 * @module
 */

import type { Program, Purpose, Runtime } from "../engine/runtime.ts";
import type { Models } from "./models.ts";
import { type Options, samplesPerEpoch } from "./options.ts";
import { activityGraph, divergenceGraph, type Extents, observeGraph, stepGraph } from "./sampling_graphs.ts";
import { criticGradientGraph, type Layouts, optimizerGraph, policyGradientGraph } from "./training_graphs.ts";
import { type Bound, compileBound } from "./weights.ts";

/** One of a kind for each program of a run. */
export interface EachProgram<T> {
  /** See `stepGraph`. */
  readonly step: T;
  /** See `observeGraph`. */
  readonly observe: T;
  /** See `divergenceGraph`. */
  readonly divergence: T;
  /** See `policyGradientGraph`. */
  readonly policyGradient: T;
  /** See `criticGradientGraph`. */
  readonly criticGradient: T;
  /** See `optimizerGraph`. */
  readonly optimizer: T;
  /** See `activityGraph`, for one embedding of every sample of an epoch. */
  readonly activity: T;
}

/** The compiled graphs. */
export type Programs = EachProgram<Program>;

/** What the programs of a run are for. */
export const PURPOSES: EachProgram<Purpose> = {
  step: { stage: "a sampling step", remedy: "lower sample.batch_size" },
  observe: { stage: "decoding and embedding", remedy: "lower sample.batch_size" },
  divergence: { stage: "the divergence", remedy: "lower sample.batch_size" },
  policyGradient: {
    stage: "the policy's update",
    remedy: "lower train.batch_size or set train.gradient_checkpointing=true",
  },
  criticGradient: { stage: "the critic's update", remedy: "lower train.batch_size or critic.hidden" },
  optimizer: { stage: "the optimizer's step", remedy: "lower lora.rank or critic.hidden" },
  activity: { stage: "the critic's activity", remedy: "lower sample.num_batches_per_epoch" },
};

/** What the program that reads prompts is for. */
export const TEXT_PURPOSE: Purpose = {
  stage: "reading prompts",
  remedy: "use the model's files in half precision",
};

/**
 * The graphs of a run, with the weights they read.
 *
 * @param context `[S, D]`, of one prompt's context.
 * @param pooled Width of the vector that stands for a prompt.
 */
export function programGraphs(
  models: Models,
  layouts: Layouts,
  options: Options,
  context: readonly [number, number],
  pooled: number,
): EachProgram<Bound> {
  const { sample, train } = options;
  const extents = (batch: number): Extents => ({ batch, context, pooled });
  const sampling = extents(sample.batch_size);
  const training = extents(train.batch_size);
  const observe = observeGraph(models, layouts.critic, sampling);
  const width = observe.graph.outputs.embedding!.shape[1]!;
  const whole = extents(samplesPerEpoch(options));
  return {
    step: stepGraph(models, layouts.policy, sampling, sample.guidance_scale),
    observe,
    divergence: unbound(divergenceGraph(models, sampling)),
    policyGradient: policyGradientGraph(models, layouts.policy, training, options),
    criticGradient: unbound(criticGradientGraph(models, layouts.critic, training, width, options)),
    optimizer: unbound(optimizerGraph(layouts, train)),
    activity: unbound(activityGraph(models.critic, layouts.critic, width, whole)),
  };
}

/** Compiles the graphs of a run. */
export async function compilePrograms(runtime: Runtime, graphs: EachProgram<Bound>): Promise<Programs> {
  const names = Object.keys(PURPOSES) as (keyof Programs)[];
  const compiled = await Promise.all(
    names.map(async (name) => [name, await compileBound(runtime, graphs[name], PURPOSES[name])] as const),
  );
  return Object.fromEntries(compiled) as unknown as Programs;
}

function unbound(graph: Bound["graph"]): Bound {
  return { graph, weights: {} };
}

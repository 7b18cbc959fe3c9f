/**
 * The programs of a run: graphs, what each is for, and the compiled ones by what they were made from.
 * @module
 */

import type { Program, Purpose, Runtime } from "../engine/runtime.ts";
import type { FlatLayout } from "../optim/flat.ts";
import type { Reward } from "../rewards/reward.ts";
import type { Models } from "./models.ts";
import { type Options, samplesPerEpoch } from "./options.ts";
import {
  activityGraph,
  comparisonGraph,
  decodeGraph,
  type Extents,
  observeGraph,
  predictGraph,
  stepGraph,
} from "./sampling_graphs.ts";
import { criticGradientGraph, type Layouts, optimizerGraph, policyGradientGraph } from "./training_graphs.ts";
import { type Bound, compileBound } from "./weights.ts";

/** What graphs are built from. */
export interface GraphParts {
  /** The run's options. */
  readonly options: Options;
  /** The models. */
  readonly models: Models;
  /** The reward that is trained on. */
  readonly reward: Reward;
  /** Where the parameters of policy and critic lie. */
  readonly layouts: Layouts;
  /** Of a batch of samples. */
  readonly sampling: Extents;
  /** Of a micro-batch. */
  readonly training: Extents;
  /** Of all samples of an epoch. */
  readonly epoch: Extents;
  /** Width of the embeddings that the critic sees; `null`: there is no critic. */
  readonly embeddingWidth: number | null;
}

/**
 * Gathers what graphs are built from.
 *
 * @param context `[S, D]`, of one prompt's context.
 * @param pooled Width of the vector that stands for a prompt.
 */
export function graphParts(
  run: Pick<GraphParts, "options" | "models" | "reward" | "layouts">,
  context: readonly [number, number],
  pooled: number,
): GraphParts {
  const { options, models, layouts } = run;
  const extents = (batch: number): Extents => ({ batch, context, pooled });
  const sampling = extents(options.sample.batch_size);
  return {
    ...run,
    sampling,
    training: extents(options.train.batch_size),
    epoch: extents(samplesPerEpoch(options)),
    embeddingWidth: layouts.critic &&
      observeGraph(models, layouts.critic, sampling, options.critic.sees).graph.outputs.embedding!.shape[1]!,
  };
}

/** A program that methods run. It is asked for by the very value that a method lists. */
export interface ProgramSpec {
  /** What it is for. */
  readonly purpose: Purpose;
  /** Its graph, with the weights that it reads. */
  readonly graph: (parts: GraphParts) => Bound;
  /** Whether options call for it; default whatever they are. */
  readonly isNeeded?: (options: Options) => boolean;
}

/** The programs that options call for. */
export function neededPrograms(specs: readonly ProgramSpec[], options: Options): readonly ProgramSpec[] {
  return specs.filter(({ isNeeded }) => isNeeded?.(options) ?? true);
}

/** The compiled programs of a run. */
export interface Programs {
  /**
   * The program that was made from a spec.
   *
   * @throws {TypeError} If the run's method does not list it.
   */
  readonly of: (spec: ProgramSpec) => Program;
  /** Gives the memory of all back. */
  readonly free: () => void;
}

/** A denoising step: see `stepGraph`. */
export const stepProgram: ProgramSpec = {
  purpose: { stage: "a sampling step", remedy: "lower sample.batch_size" },
  graph: ({ models, layouts, sampling, options }) =>
    stepGraph(models, layouts.policy, sampling, options.sample.guidance_scale),
};

/** From latents to images: see `decodeGraph`. */
export const decodeProgram: ProgramSpec = {
  purpose: { stage: "decoding", remedy: "lower sample.batch_size" },
  graph: ({ models, sampling }) => decodeGraph(models, sampling),
};

/** What the base model makes of a step: see `comparisonGraph`. */
export const comparisonProgram: ProgramSpec = {
  purpose: { stage: "the divergence", remedy: "lower sample.batch_size" },
  graph: ({ models, sampling }) => unbound(comparisonGraph(models, sampling)),
};

/** What the critic sees in latents, and what it makes of it: see `observeGraph`. */
export const observeProgram: ProgramSpec = {
  purpose: { stage: "what the critic sees", remedy: "lower sample.batch_size" },
  graph: (parts) =>
    observeGraph(parts.models, criticOf(parts).layout, parts.sampling, parts.options.critic.sees),
};

/** What the critic makes of what it saw at an earlier step, where `critic.every` asks for that: see `predictGraph`. */
export const predictProgram: ProgramSpec = {
  purpose: { stage: "the critic's prediction", remedy: "lower sample.batch_size" },
  graph: (parts) => {
    const { layout, width } = criticOf(parts);
    return unbound(predictGraph(parts.models.critic, layout, width, parts.sampling));
  },
  isNeeded: ({ critic }) => critic.every > 1,
};

/** The gradient of a policy-gradient method: see `policyGradientGraph`. */
export const policyGradientProgram: ProgramSpec = {
  purpose: {
    stage: "the policy's update",
    remedy: "lower train.batch_size or set train.gradient_checkpointing=true",
  },
  graph: ({ models, layouts, training, options }) =>
    policyGradientGraph(models, layouts.policy, training, options),
};

/** The critic's gradient: see `criticGradientGraph`. */
export const criticGradientProgram: ProgramSpec = {
  purpose: { stage: "the critic's update", remedy: "lower train.batch_size or critic.hidden" },
  graph: (parts) => {
    const { layout, width } = criticOf(parts);
    return unbound(criticGradientGraph(parts.models, layout, parts.training, width, parts.options));
  },
};

/** A step of the optimizer, of the policy and of the critic if there is one: see `optimizerGraph`. */
export const optimizerProgram: ProgramSpec = {
  purpose: {
    stage: "the optimizer's step",
    remedy: "lower lora.rank (null trains all weights) or critic.hidden",
  },
  graph: ({ layouts, options }) => unbound(optimizerGraph(layouts, options)),
};

/** How active the critic's neurons are, for one embedding of every sample of an epoch: see `activityGraph`. */
export const activityProgram: ProgramSpec = {
  purpose: { stage: "the critic's activity", remedy: "lower sample.num_batches_per_epoch" },
  graph: (parts) => {
    const { layout, width } = criticOf(parts);
    return unbound(activityGraph(parts.models.critic, layout, width, parts.epoch));
  },
};

/** What every run needs, whatever its method: to sample, and to look at the policy. */
export const COMMON_PROGRAMS: readonly ProgramSpec[] = [stepProgram, decodeProgram, comparisonProgram];

/** What a method with a critic needs for it. */
export const CRITIC_PROGRAMS: readonly ProgramSpec[] = [
  observeProgram,
  predictProgram,
  criticGradientProgram,
  activityProgram,
];

/** What the program that reads prompts is for. */
export const TEXT_PURPOSE: Purpose = {
  stage: "reading prompts",
  remedy: "set mixed_precision=f16_weights",
};

/** Compiles programs. */
export async function compilePrograms(
  runtime: Runtime,
  specs: readonly ProgramSpec[],
  parts: GraphParts,
): Promise<Programs> {
  const compiled = new Map(
    await Promise.all(
      specs.map(async (spec) =>
        [spec, await compileBound(runtime, spec.graph(parts), spec.purpose)] as const
      ),
    ),
  );
  return {
    of: (spec) => {
      const program = compiled.get(spec);
      if (program !== undefined) return program;
      throw new TypeError(
        `Cannot run ${spec.purpose.stage} as the run's method does not list it among its programs`,
      );
    },
    free: () => compiled.forEach((program) => program.free()),
  };
}

/** Where the critic's parameters lie and how wide what it sees is, for what cannot be without one. */
function criticOf(parts: GraphParts): { readonly layout: FlatLayout; readonly width: number } {
  const { layouts: { critic: layout }, embeddingWidth: width } = parts;
  if (layout !== null && width !== null) return { layout, width };
  throw new TypeError("Cannot build the critic's graphs as the run's method has none");
}

function unbound(graph: Bound["graph"]): Bound {
  return { graph, weights: {} };
}

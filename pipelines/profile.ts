/**
 * Where the time of training goes: every kernel of one sampling step and one optimizer step, timed on the GPU.
 *
 * @module
 */

import { fold, key, uniforms } from "../lib/core/random.ts";
import { size, type Tensor, tensor, type TensorType, words } from "../lib/core/tensor.ts";
import type { GpuRuntime } from "../lib/gpu/runtime.ts";
import type { Profile } from "../lib/gpu/program.ts";
import type { Reward } from "../lib/rewards/reward.ts";
import type { Context } from "../lib/stages/context.ts";
import {
  criticGradientProgram,
  neededPrograms,
  observeProgram,
  optimizerProgram,
  policyGradientProgram,
  type ProgramSpec,
  stepProgram,
} from "../lib/stages/programs.ts";
import { type Bound, compileBound } from "../lib/stages/weights.ts";
import type { Config } from "./config/mod.ts";
import { modelFolder } from "./load/model_folder.ts";
import { openRuntime } from "./open_runtime.ts";
import { loadTraining, prepareTraining } from "./open_training.ts";
import { showProfile } from "./profile/show_profile.ts";

/** What a step of training or sampling took. */
export interface StepProfile {
  /** Which step. */
  readonly name: string;
  /** Its kernels in their order. */
  readonly kernels: readonly Profile[];
  /** Microseconds of a kernel that the host takes to encode a step that ran before, the best of a few runs. */
  readonly hostMicroseconds: number;
}

/** What steps are called; others go by their programs' purposes. */
const NAMES: ReadonlyMap<ProgramSpec, string> = new Map([
  [stepProgram, "sampling step"],
  [observeProgram, "look at a sample"],
  [policyGradientProgram, "policy's gradient"],
  [criticGradientProgram, "critic's gradient"],
  [optimizerProgram, "optimizer step"],
]);

/** Times that kernels are run; of each the shortest counts. */
const ROUNDS = 3;
/** Runs on the host that are timed: enough for the host's own compiler to be done with what encodes. */
const RUNS = 50;

/**
 * Times every kernel of the steps that a configuration leads to, and prints where the time goes.
 *
 * @param tune Whether to choose tiles by timing first, on a software adapter too.
 * @throws {Error} If the model cannot be loaded or the adapter cannot time kernels.
 */
export async function profileConfig(
  config: Config,
  { tune }: { readonly tune: boolean },
): Promise<string> {
  const { runtime, gpu, saveTiles } = await openRuntime({ tune });
  const pipeline = await loadTraining(runtime, await modelFolder(config.model), config);
  const ctx = await prepareTraining(pipeline, config, ["a cat"]);
  const profiles = await profileTraining(ctx, runtime, () => performance.now());
  await saveTiles();
  return `${gpu.name}\n\n${showProfiles(profiles)}`;
}

/** Stands where a reward has to, for methods that do not differentiate it: their profiles are of the model alone. */
export const unscored: Reward = {
  name: "none",
  needs: [],
  scale: { unit: "points", range: [0, 0] },
  doc: "Nothing.",
  score: (images) => Promise.resolve(new Float32Array(images.shape[0]!)),
};

/**
 * Times every kernel of a run's steps, on made-up inputs; the run's own state is not touched.
 *
 * @param clock Milliseconds from some moment on.
 * @throws {Error} If the adapter cannot time kernels.
 */
export async function profileTraining(
  ctx: Context,
  runtime: GpuRuntime,
  clock: () => number,
): Promise<StepProfile[]> {
  const profiles: StepProfile[] = [];
  for (const [name, graph] of Object.entries(trainingGraphs(ctx))) {
    profiles.push(await profileStep(name, graph, runtime, clock));
  }
  return profiles;
}

/** The graphs whose time training by a run's method is, by what they do. */
export function trainingGraphs({ method, parts }: Context): Record<string, Bound> {
  const specs = new Set([stepProgram, ...neededPrograms(method.programs, parts.options)]);
  return Object.fromEntries(
    [...specs].map((spec) => [NAMES.get(spec) ?? spec.purpose.stage, spec.graph(parts)]),
  );
}

/** Times the kernels of a graph with weights. */
export async function profileStep(
  name: string,
  { graph, weights }: Bound,
  runtime: GpuRuntime,
  clock: () => number,
): Promise<StepProfile> {
  const open = Object.entries(graph.inputs).filter(([input]) => !(input in weights));
  const made = Object.fromEntries(open.map(([input, type]) => [input, runtime.put(madeUp(input, type))]));
  const kernels = await runtime.profile(graph, { ...weights, ...made }, ROUNDS);
  const program = await compileBound(runtime, { graph, weights });
  let best = Infinity;
  for (let i = 0; i <= RUNS; i++) {
    await runtime.settle();
    const start = clock();
    const results = program.run(made);
    const ms = clock() - start;
    // The first run binds the buffers.
    if (i > 0) best = Math.min(best, ms);
    runtime.free(Object.values(results).filter((array) => !Object.values(made).includes(array)));
  }
  await runtime.settle();
  program.free();
  runtime.free(Object.values(made));
  return { name, kernels, hostMicroseconds: 1000 * best / kernels.length };
}

/** Prints profiles, the dearest kernels first. */
export function showProfiles(profiles: readonly StepProfile[]): string {
  return profiles.map(({ name, kernels, hostMicroseconds }) => {
    const ms = kernels.reduce((total, kernel) => total + kernel.ms, 0);
    const head = `${name}: ${kernels.length} kernels, ${ms.toFixed(1)} ms on the GPU, ` +
      `${hostMicroseconds.toFixed(1)} µs a kernel on the host`;
    return [head, showProfile(kernels)].join("\n");
  }).join("\n\n");
}

/** Small positive numbers, which no kernel stumbles over; words are 0. */
function madeUp(name: string, { shape, dtype }: TensorType): Tensor {
  const count = size(shape);
  if (dtype === "u32") return words(shape, new Uint32Array(count));
  return tensor(shape, uniforms(fold(key(0), name), count).map((x) => 0.1 + 0.1 * x));
}

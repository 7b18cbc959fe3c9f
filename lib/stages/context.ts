/**
 * What all stages of a run share: options, models, rewards, and the programs compiled for them. It does not change.
 * @module
 */

import { ddimSchedule, type DdimStep } from "../diffusion/ddim.ts";
import type { F32, FloatTensor } from "../core/tensor.ts";
import type { Program, Runtime } from "../engine/runtime.ts";
import { flatLayout } from "../optim/flat.ts";
import { basePolicy } from "./base_policy.ts";
import { compileText, type Conditioning, type EncodePrompts } from "./conditioning.ts";
import type { Models } from "./models.ts";
import { checkOptions, type Options } from "./options.ts";
import { checkMethod, type Method } from "./method.ts";
import {
  COMMON_PROGRAMS,
  compilePrograms,
  type GraphParts,
  graphParts,
  neededPrograms,
  type Programs,
  stepProgram,
} from "./programs.ts";
import { type RunRewards, trainedRewards } from "./run_rewards.ts";
import type { Layouts } from "./training_graphs.ts";

/** What a run is made of. */
export interface Setup {
  /** How it trains. */
  readonly method: Method;
  /** What to do. */
  readonly options: Options;
  /** With which models. */
  readonly models: Models;
  /** Where everything runs. */
  readonly runtime: Runtime;
  /** The prompts to train on. */
  readonly prompts: readonly string[];
  /** The rewards to train on, and others to watch. */
  readonly rewards: RunRewards;
  /** Told of what is done while stages work; default nobody. */
  readonly onProgress?: (progress: Progress) => void;
  /** Milliseconds from some moment on, for the times that are reported; default always 0. */
  readonly clock?: () => number;
}

/** How far a stage is. */
export interface Progress {
  /** Which stage. */
  readonly stage: "sample" | "score" | "update";
  /** Parts done: batches, rewards, optimizer steps. */
  readonly done: number;
  /** Parts to do. */
  readonly total: number;
}

/** A run's surroundings. */
export interface Context extends Setup {
  /** The compiled programs of the method, and those of every run. */
  readonly programs: Programs;
  /** Of these, a denoising step. */
  readonly step: Program;
  /** What the programs' graphs are built from. */
  readonly parts: GraphParts;
  /** Where the parameters of policy and critic lie in their flat vectors. */
  readonly layouts: Layouts;
  /** The vector of a policy that is the base model: see `basePolicy`. */
  readonly basePolicy: F32;
  /** The denoising steps, from noise to image. */
  readonly schedule: readonly DdimStep[];
  /** The training prompts, read. */
  readonly conditioning: Conditioning;
  /** `[1, S, D]`, the empty prompt, which guidance leads away from. */
  readonly uncond: FloatTensor;
  /** Reads other prompts, for evaluation. */
  readonly encodePrompts: EncodePrompts;
  /** Gives the programs' memory back. */
  readonly free: () => void;
}

/**
 * Compiles everything that a run needs and reads its prompts.
 *
 * @throws {RangeError} If the options contradict one another, there are no prompts, or the adapter does not allow it.
 */
export async function prepare(setup: Setup): Promise<Context> {
  const { method, options, models, runtime, prompts, rewards } = setup;
  checkOptions(options);
  checkMethod(method, options, rewards.train);
  checkCombined(setup);
  if (prompts.length === 0) throw new RangeError("Cannot train as there are no prompts");
  const schedule = ddimSchedule(models.scheduler, options.sample.num_steps, options.sample.eta);
  const layouts: Layouts = {
    policy: flatLayout(models.policy.specs),
    critic: method.hasCritic ? flatLayout(models.critic.specs) : null,
  };
  const base = await basePolicy(models.policy, layouts.policy, runtime);
  const text = await compileText(models, runtime);
  const { context: uncond } = await text.encode([""]);
  const conditioning = await text.encode(prompts);
  const [, tokens, width] = uncond.shape as readonly [number, number, number];
  const run = { options, models, reward: rewards.train, layouts };
  const parts = graphParts(run, [tokens, width], conditioning.pooled.shape[1]!);
  const specs = [...COMMON_PROGRAMS, ...neededPrograms(method.programs, options)];
  const programs = await compilePrograms(runtime, specs, parts);
  return {
    ...setup,
    programs,
    step: programs.of(stepProgram),
    parts,
    layouts,
    basePolicy: base,
    schedule,
    conditioning,
    uncond,
    encodePrompts: text.encode,
    free: () => [programs, text.program].forEach((program) => program.free()),
  };
}

/** Checks that the rewards to train on are those that are combined. */
function checkCombined({ options: { combination }, rewards }: Setup): void {
  const names = trainedRewards(rewards).map(({ name }) => name);
  const combined = combination === undefined ? names.slice(0, 1) : Object.keys(combination.weights);
  if (names.join() === combined.join()) return;
  throw new RangeError(
    `Cannot train as the rewards to train on are not those that are combined: ${names.join(", ")}, and ` +
      (combination === undefined ? "no options.combination" : combined.join(", ")),
  );
}

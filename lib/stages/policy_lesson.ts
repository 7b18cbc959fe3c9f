/**
 * How a policy learns from a micro-batch: what it runs, what that reads of the samples, and what it logs.
 * @module
 */

import type { Key } from "../core/random.ts";
import { pickRows } from "../core/rows.ts";
import { type FloatTensor, type Tensor, tensor } from "../core/tensor.ts";
import { ddimCoefs, timestepsOf } from "../diffusion/ddim.ts";
import type { DeviceArray } from "../engine/runtime.ts";
import type { Context } from "./context.ts";
import type { Options } from "./options.ts";
import { policyGradientProgram, type ProgramSpec } from "./programs.ts";
import type { Critiqued, Logged, State } from "./records.ts";
import { pickPlaces, type Place } from "./rows.ts";
import { policyLogged } from "./training_graphs.ts";
import type { MicroBatch, OptimizerStep } from "./training_schedule.ts";
import { stepEvaluations } from "./unet_evaluations.ts";

/** A lesson of the policy's. */
export interface PolicyLesson {
  /** What is in each of a micro-batch's `logs`, in its order. */
  readonly logged: (options: Options) => readonly (keyof Logged)[];
  /** How many images the training reward judges for it each time it goes through a sample, besides the sample's; default none. */
  readonly judged?: (options: Options) => number;
  /** Its order of training where it chooses steps itself; default by step positions, `trainingSchedule`. */
  readonly scheduleOf?: (from: Key, options: Options) => readonly OptimizerStep[];
  /**
   * Evaluations of the UNet on one latent each time it goes through a sample, as many as to be expected where it draws; a backward
   * pass counts as two.
   */
  readonly unetEvaluations: (options: Options) => number;
  /** The lesson of one epoch, where something has to be drawn for it first; default itself. */
  readonly forEpoch?: (state: State, ctx: Context) => Promise<PolicyLesson>;
  /** Adds a micro-batch's share of the gradient; `from` is the micro-batch's own key. */
  readonly learn: (
    critiqued: Critiqued,
    micro: MicroBatch,
    ctx: Context,
    from: Key,
    learner: Learning,
  ) => Learnt;
}

/** What a lesson changes; it frees none of it. */
export interface Learning {
  /** The policy's parameters, flat. */
  readonly policy: DeviceArray;
  /** The gradient so far, flat. */
  readonly policyGrad: DeviceArray;
}

/** What a micro-batch brought. */
export interface Learnt {
  /** The gradient with its share added; the array that was given where it has none. */
  readonly policyGrad: DeviceArray;
  /** What is logged, in the order of `logged`: the mean of these. */
  readonly logs: readonly DeviceArray[];
  /** `[B]`, how much more probable samples have become, where the loss has such a ratio. */
  readonly ratio?: DeviceArray;
}

/** A lesson that is one program. */
export interface ProgramLesson extends Pick<PolicyLesson, "logged" | "unetEvaluations"> {
  /** It reads `policy`, `policyGrad` and the lesson's inputs; its outputs are `policyGrad`, `log`, perhaps `ratio`, and others. */
  readonly program: ProgramSpec;
  /** What it reads of the samples; `from` is the micro-batch's own key. */
  readonly inputs: (
    critiqued: Critiqued,
    micro: MicroBatch,
    ctx: Context,
    from: Key,
  ) => Readonly<Record<string, Tensor>>;
}

/** Makes a lesson of one program. */
export function programLesson(lesson: ProgramLesson): PolicyLesson & ProgramLesson {
  const { program, inputs } = lesson;
  return {
    ...lesson,
    learn: (critiqued, micro, ctx, from, learner) => {
      const given = inputs(critiqued, micro, ctx, from);
      const { policyGrad, log, ratio, ...others } = ctx.programs.of(program).run({ ...given, ...learner });
      ctx.runtime.free(Object.values(others));
      return { policyGrad: policyGrad!, logs: [log!], ...ratio && { ratio } };
    },
  };
}

/** The lesson of policy gradients: steps that were sampled become as much more probable as they are weighed. */
export const policyGradient: PolicyLesson = programLesson({
  program: policyGradientProgram,
  logged: policyLogged,
  unetEvaluations: stepEvaluations,
  inputs: ({ latents, logProbs, temporalRewards, promptRows }, { rows, steps }, ctx) => {
    const { schedule, conditioning, uncond, options } = ctx;
    const here = rows.map((row, i): Place => [row, steps[i]!]);
    const next = rows.map((row, i): Place => [row, steps[i]! + 1]);
    const taken = steps.map((stepIndex) => schedule[stepIndex]!);
    return {
      x: pickPlaces(latents, here),
      prev: pickPlaces(latents, next),
      timestep: timestepsOf(taken),
      coefs: ddimCoefs(taken),
      context: pickRows(conditioning.context, rows.map((row) => promptRows[row]!)),
      uncond,
      oldLogProb: pickPlaces(logProbs, here),
      advantage: clamped(pickPlaces(temporalRewards, here), options.train.adv_clip_max),
    };
  },
});

function clamped(x: FloatTensor, most: number | null): FloatTensor {
  return most === null ? x : tensor(x.shape, x.data.map((v) => Math.min(most, Math.max(-most, v))));
}

/**
 * How a policy learns from a micro-batch: a program, what it reads of the samples, and what it logs.
 * @module
 */

import type { Key } from "../core/random.ts";
import { type FloatTensor, type Tensor, tensor } from "../core/tensor.ts";
import { ddimCoefs, timestepsOf } from "../diffusion/ddim.ts";
import type { Context } from "./context.ts";
import type { Options } from "./options.ts";
import { policyGradientProgram, type ProgramSpec } from "./programs.ts";
import type { Critiqued, Logged } from "./records.ts";
import { pickPlaces, pickRows, type Place } from "./rows.ts";
import { policyLogged } from "./training_graphs.ts";
import type { MicroBatch } from "./training_schedule.ts";

/** A lesson of the policy's. */
export interface PolicyLesson {
  /**
   * Its program. It reads `policy`, `policyGrad` and the lesson's inputs, and gives `policyGrad` with the micro-batch's share
   * added, `log`, and where the loss has one `ratio` `[B]`.
   */
  readonly program: ProgramSpec;
  /** What is in `log`, in its order. */
  readonly logged: (options: Options) => readonly (keyof Logged)[];
  /** What the program reads of the samples; `from` is the micro-batch's own key. */
  readonly inputs: (
    critiqued: Critiqued,
    micro: MicroBatch,
    ctx: Context,
    from: Key,
  ) => Readonly<Record<string, Tensor>>;
}

/** The lesson of policy gradients: steps that were sampled become as much more probable as they are weighed. */
export const policyGradient: PolicyLesson = {
  program: policyGradientProgram,
  logged: policyLogged,
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
};

function clamped(x: FloatTensor, most: number | null): FloatTensor {
  return most === null ? x : tensor(x.shape, x.data.map((v) => Math.min(most, Math.max(-most, v))));
}

/**
 * The lessons of methods that differentiate the reward: which stretches of denoising they go back through.
 * @module
 */

import { fold, integers, type Key, normals } from "../core/random.ts";
import { type F32, size, tensor } from "../core/tensor.ts";
import { type DdimStep, toImage } from "../diffusion/ddim.ts";
import { backpropagate } from "./backpropagate.ts";
import type { Context } from "./context.ts";
import type { Options } from "./options.ts";
import type { Learning, Learnt, PolicyLesson } from "./policy_lesson.ts";
import type { Sampled } from "./records.ts";
import { noised } from "./reward_weighted.ts";
import { pickPlaces } from "./rows.ts";
import { leapStretch, sampledStretch, type Stretch } from "./stretches.ts";
import { imageSchedule } from "./training_schedule.ts";
import { forwardEvaluations, gradientEvaluations } from "./unet_evaluations.ts";

/**
 * Back through the sampled chain, as far as `backprop.truncation` says: AlignProp (Prabhudesai et al. 2023,
 * https://arxiv.org/abs/2310.03739) and DRaFT-K (Clark et al. 2023, https://arxiv.org/abs/2309.17400).
 */
export const chainLesson: PolicyLesson = {
  scheduleOf: imageSchedule,
  logged: () => ["policy_loss"],
  unetEvaluations: (options) => gradientEvaluations(expectedSteps(options), options),
  learn: (critiqued, { rows }, ctx, from, learning) => {
    const stretch = sampledStretch(critiqued, ctx.schedule, rows, keptSteps(ctx.options, from));
    return learntFrom(ctx, learning, [stretch]);
  },
};

/**
 * Images, as constants, are made noisy anew to the smallest timestep and denoised once, `backprop.renoised` times: DRaFT-LV
 * (Clark et al. 2023, https://arxiv.org/abs/2309.17400).
 */
export const renoisedLesson: PolicyLesson = {
  scheduleOf: imageSchedule,
  logged: () => ["policy_loss"],
  judged: ({ backprop }) => backprop.renoised,
  unetEvaluations: (options) => options.backprop.renoised * leapEvaluations(options),
  learn: (critiqued, { rows }, ctx, from, learning) => {
    const { schedule, options: { backprop } } = ctx;
    const last = schedule.at(-1)!;
    const count = rows.length * size(ctx.models.latentShape);
    const stretches = Array.from(
      { length: backprop.renoised },
      (_, n) => renoisedStretch(critiqued, rows, last, normals(fold(from, n), count)),
    );
    return learntFrom(ctx, learning, stretches);
  },
};

/**
 * The image that is predicted at a step of the last part of the chain, from latents that are constants: ReFL (Xu et al. 2023,
 * https://arxiv.org/abs/2304.05977). Each sample draws a step of its own; in the reference implementation a batch has one.
 */
export const predictedLesson: PolicyLesson = {
  scheduleOf: imageSchedule,
  logged: () => ["policy_loss"],
  judged: () => 1,
  unetEvaluations: leapEvaluations,
  learn: (critiqued, { rows }, ctx, from, learning) => {
    const first = firstPredicted(ctx.options);
    const draws = integers(fold(from, "steps"), rows.length, ctx.schedule.length - first);
    const steps = Array.from(draws, (draw) => first + draw);
    return learntFrom(ctx, learning, [predictedStretch(critiqued, ctx.schedule, rows, steps)]);
  },
};

/** The step from images, made noisy to where the last step starts from. */
export function renoisedStretch(
  sampled: Pick<Sampled, "latents" | "images" | "promptRows">,
  rows: readonly number[],
  last: DdimStep,
  noise: F32 | readonly number[],
): Stretch {
  const end = sampled.latents.shape[1]! - 1;
  const images = pickPlaces(sampled.latents, rows.map((row) => [row, end] as const));
  const noisy = noised(images, tensor(images.shape, noise), rows.map(() => last.alpha));
  return leapStretch(sampled, rows, noisy, rows.map(() => last));
}

/** The step from sampled latents to the image that is predicted in them, each sample's at a step of its own. */
export function predictedStretch(
  sampled: Pick<Sampled, "latents" | "images" | "promptRows">,
  schedule: readonly DdimStep[],
  rows: readonly number[],
  steps: readonly number[],
): Stretch {
  const x = pickPlaces(sampled.latents, rows.map((row, i) => [row, steps[i]!] as const));
  return leapStretch(sampled, rows, x, steps.map((stepIndex) => toImage(schedule[stepIndex]!)));
}

/**
 * Of each step, whether its prediction has a gradient; the same for a micro-batch, so that steps without one cost nothing.
 *
 * With `each_step`, step `i` of `T` has one if a draw from `0..T` is at most `i`, as AlignProp's code does; with `trajectory` one
 * draw decides on all steps, as its paper has it. Either way step `i` has one with probability `(i + 1) / (T + 1)`.
 */
export function keptSteps({ sample, backprop }: Pick<Options, "sample" | "backprop">, from: Key): boolean[] {
  const { num_steps: count } = sample;
  const draws = integers(fold(from, "kept"), count, count + 1);
  const firsts = {
    last: () => count - backprop.last_steps,
    trajectory: () => draws[0]!,
    each_step: (stepIndex: number) => draws[stepIndex]!,
  };
  return Array.from({ length: count }, (_, stepIndex) => firsts[backprop.truncation](stepIndex) <= stepIndex);
}

/** How many steps are to be expected to have a gradient: the mean of {@linkcode keptSteps}. */
function expectedSteps({ sample, backprop }: Pick<Options, "sample" | "backprop">): number {
  return backprop.truncation === "last" ? backprop.last_steps : sample.num_steps / 2;
}

/** A step off the trajectory is taken first, and then computed again for its gradient. */
function leapEvaluations(options: Options): number {
  return forwardEvaluations(1, options) + gradientEvaluations(1, options);
}

/** The first step at which an image may be predicted. */
export function firstPredicted({ sample, backprop }: Pick<Options, "sample" | "backprop">): number {
  return Math.floor(backprop.predict_from * sample.num_steps);
}

/** The mean gradient of stretches, as their micro-batch's share of an optimizer step. */
export function learntFrom(
  ctx: Context,
  { policy, policyGrad }: Learning,
  stretches: readonly Stretch[],
): Learnt {
  const share = 1 / (ctx.options.train.gradient_accumulation_steps * stretches.length);
  let sum = policyGrad;
  const logs = stretches.map((stretch) => {
    const { policyGrad: next, loss } = backpropagate(ctx, { policy, policyGrad: sum }, stretch, share);
    if (sum !== policyGrad && next !== sum) ctx.runtime.free([sum]);
    sum = next;
    return loss;
  });
  return { policyGrad: sum, logs };
}

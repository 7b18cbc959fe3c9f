/**
 * The lesson of reward-weighted regression: the policy denoises its own images again, the better the image the more it counts.
 * @module
 */

import { fold, integers, normals } from "../core/random.ts";
import { pickRows } from "../core/rows.ts";
import { type FloatTensor, tensor } from "../core/tensor.ts";
import { alphasCumprod } from "../diffusion/ddim.ts";
import type { Value } from "../engine/graph.ts";
import { add, mul, square, sub } from "../engine/ops/elementwise.ts";
import { mean, sum } from "../engine/ops/reductions.ts";
import { bindParams } from "../nn/scope.ts";
import { unpackValues } from "../optim/flat.ts";
import { trainingGuidance } from "./options.ts";
import { type PolicyLesson, type ProgramLesson, programLesson } from "./policy_lesson.ts";
import type { GraphParts, ProgramSpec } from "./programs.ts";
import { pickPlaces, type Place } from "./rows.ts";
import { guidedNoise, latents as latentsType, stepTypes, vector } from "./sampling_graphs.ts";
import { gradientShare, logOf } from "./training_graphs.ts";
import { stepEvaluations } from "./unet_evaluations.ts";
import { bindWeights, type Bound } from "./weights.ts";

/** The gradient of reward-weighted regression: see {@linkcode rewardWeightedGraph}. */
export const rewardWeightedProgram: ProgramSpec = {
  purpose: {
    stage: "the policy's update",
    remedy: "lower train.batch_size or set train.gradient_checkpointing=true",
  },
  graph: rewardWeightedGraph,
};

/**
 * Denoising score matching on the final latents of samples. For a sample at step `i` of `T` the timestep is drawn from the
 * `i`-th of `T` equal parts of the schedule, from noise to image, so that all steps together cover it, and those that
 * the policy learns from their part of it.
 *
 * See Black et al. 2023, https://arxiv.org/abs/2305.13301.
 */
export const rewardWeighted: PolicyLesson & ProgramLesson = programLesson({
  program: rewardWeightedProgram,
  logged: (
    { train },
  ) => ["policy_loss", "squared_grad_norm", ...train.kl_weight > 0 ? ["kl_loss"] as const : []],
  unetEvaluations: stepEvaluations,
  inputs: ({ latents, temporalRewards, promptRows }, { rows, steps }, ctx, from) => {
    const { models, options, conditioning, uncond } = ctx;
    const { num_steps } = options.sample;
    const alphas = alphasCumprod(models.scheduler);
    const part = Math.floor(alphas.length / num_steps);
    const draws = integers(fold(from, "timesteps"), rows.length, part);
    const timesteps = steps.map((step, i) => (num_steps - 1 - step) * part + draws[i]!);
    const images = pickPlaces(latents, rows.map((row): Place => [row, num_steps]));
    const noise = tensor(images.shape, normals(fold(from, "noise"), images.data.length));
    return {
      x: noised(images, noise, timesteps.map((timestep) => alphas[timestep]!)),
      noise,
      timestep: tensor([rows.length], timesteps),
      context: pickRows(conditioning.context, rows.map((row) => promptRows[row]!)),
      uncond,
      weight: pickPlaces(temporalRewards, rows.map((row, i): Place => [row, steps[i]!])),
    };
  },
});

/** Latents `[B, …]` with noise in them, `√a x + √(1 - a) noise`, `a` the share of the image in each. */
export function noised(images: FloatTensor, noise: FloatTensor, alphas: readonly number[]): FloatTensor {
  const each = images.data.length / alphas.length;
  return tensor(
    images.shape,
    images.data.map((x, i) => {
      const alpha = alphas[Math.floor(i / each)]!;
      return Math.sqrt(alpha) * x + Math.sqrt(1 - alpha) * noise.data[i]!;
    }),
  );
}

/**
 * The gradient of `mean_b w_b mean((eps_θ(x, t, c) - noise)²)`, and of the divergence from the base model if there is to be
 * any, on one micro-batch, added to those before it.
 *
 * Inputs: `policy`, `policyGrad`; `x`, `noise`, `timestep`, `context`, `uncond`; `weight` `[B]`. Outputs: `policyGrad`, `log`.
 */
export function rewardWeightedGraph({ models, layouts, training, options }: GraphParts): Bound {
  const { train } = options;
  const { coefs: _, ...step } = stepTypes(models, layouts.policy, training);
  const types = {
    ...step,
    policyGrad: vector(layouts.policy.length),
    noise: latentsType(models, training),
    weight: vector(training.batch),
  };
  return bindWeights({ policy: models.policy.weights }, types, (scopes, inputs) => {
    const adapters = unpackValues(layouts.policy, inputs.policy);
    const guidance = trainingGuidance(options);
    const eps = guidedNoise(models.policy, scopes.policy, bindParams(adapters), inputs, guidance);
    const loss = rewardWeightedLoss(eps, inputs.noise, inputs.weight);
    const base = () => guidedNoise(models.policy, scopes.policy, null, inputs, guidance);
    const kl = train.kl_weight > 0 ? mean(square(sub(eps, base()))) : null;
    const whole = kl === null ? loss : add(loss, mul(kl, train.kl_weight));
    const share = gradientShare(whole, layouts.policy, adapters, options);
    return {
      policyGrad: add(inputs.policyGrad, share),
      log: logOf([loss, sum(square(share)), ...kl === null ? [] : [kl]]),
    };
  });
}

/**
 * `mean_b w_b mean((eps - noise)²)`.
 *
 * @param eps `[B, …]`, the noise predicted.
 * @param noise `[B, …]`, the noise added.
 * @param weight `[B]`.
 * @returns `[]`, to be minimised.
 */
export function rewardWeightedLoss(eps: Value, noise: Value, weight: Value): Value {
  const axes = eps.shape.map((_, axis) => axis).slice(1);
  return mean(mul(weight, mean(square(sub(eps, noise)), axes)));
}

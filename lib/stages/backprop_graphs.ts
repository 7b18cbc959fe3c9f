/**
 * The graphs of back-propagation through a reward: of the reward by latents, and back through one denoising step at a time.
 *
 * A step is computed again from the latents it started from, which sampling keeps. So going back over any number of steps takes the
 * memory of one: it is gradient checkpointing at every step (Chen et al. 2016, https://arxiv.org/abs/1604.06174).
 * @module
 */

import type { Shape } from "../core/tensor.ts";
import { ddimMean } from "../diffusion/ddim.ts";
import { grad, pullback } from "../engine/autodiff.ts";
import { add, mul } from "../engine/ops/elementwise.ts";
import { reshape } from "../engine/ops/views.ts";
import { bindParams } from "../nn/scope.ts";
import { type FlatLayout, packValues, unpackValues } from "../optim/flat.ts";
import type { Reward, RewardGraph } from "../rewards/reward.ts";
import { type RewardLoss, rewardLoss } from "./losses.ts";
import type { Models } from "./models.ts";
import { trainingGuidance } from "./options.ts";
import type { ProgramSpec } from "./programs.ts";
import { type Extents, floatType, guidedNoise, latents, stepTypes, vector } from "./sampling_graphs.ts";
import { bindWeights, type Bound } from "./weights.ts";

/** The reward's gradient by latents: see {@linkcode rewardGradientGraph}. */
export const rewardGradientProgram: ProgramSpec = {
  purpose: { stage: "the reward's gradient", remedy: "lower train.batch_size" },
  graph: ({ models, reward, training, options: { backprop } }) =>
    rewardGradientGraph(models, rewardGraphOf(reward), training, {
      kind: backprop.loss,
      target: backprop.target,
      coefficient: backprop.loss_coeff,
    }),
};

/** Back through one step: see {@linkcode stepAdjointGraph}. */
export const stepAdjointProgram: ProgramSpec = {
  purpose: {
    stage: "the policy's update",
    remedy: "lower train.batch_size or set train.gradient_checkpointing=true",
  },
  graph: ({ models, layouts, training, options }) =>
    stepAdjointGraph(models, layouts.policy, training, trainingGuidance(options)),
};

/** A step off the trajectory: see {@linkcode leapGraph}. */
export const leapProgram: ProgramSpec = {
  purpose: { stage: "a step off the trajectory", remedy: "lower train.batch_size" },
  graph: ({ models, layouts, training, options }) =>
    leapGraph(models, layouts.policy, training, trainingGuidance(options)),
};

/**
 * A reward's graph.
 *
 * @throws {TypeError} If it has none.
 */
export function rewardGraphOf({ name, graph }: Reward): RewardGraph {
  if (graph !== undefined) return graph;
  throw new TypeError(`Cannot differentiate the reward as it has no gradient: ${name}`);
}

/**
 * The reward of decoded latents, and the gradient of its loss by them.
 *
 * Inputs `x` `[B, H, W, C]`, `share` `[1]`, and the reward's own. Outputs `scores` `[B]`, `loss` `[1]`, and `ct`
 * `[B, H, W, C]`: the gradient times `share`.
 */
export function rewardGradientGraph(
  models: Models,
  reward: RewardGraph,
  extents: Extents,
  loss: RewardLoss,
): Bound {
  const { decoder } = models;
  const own = reward.inputs(Array<string>(extents.batch).fill(""), imagesShape(models, extents.batch));
  const types = { ...own, x: latents(models, extents), share: vector(1) };
  const parts = { decoder: decoder.weights, reward: reward.weights };
  return bindWeights(parts, types, (scopes, { x, share, ...inputs }) => {
    const scores = reward.build(scopes.reward, decoder.build(scopes.decoder, x!), inputs);
    const cost = rewardLoss(scores, loss);
    const [gradient] = grad(cost, [x!]);
    return { scores, loss: reshape(cost, [1]), ct: mul(gradient!, share!) };
  });
}

/** The shape of the images that so many latents are decoded to, `[B, H, W, 3]`. */
export function imagesShape({ decoder, latentShape }: Models, batch: number): Shape {
  const types = { x: floatType(batch, ...latentShape) };
  const { graph } = bindWeights({ decoder: decoder.weights }, types, ({ decoder: scope }, { x }) => ({
    images: decoder.build(scope, x),
  }));
  return graph.outputs.images!.shape;
}

/**
 * Back through one denoising step `x' = a x + b eps(x)`: from the adjoint of where it leads to that of where it starts.
 *
 * Inputs `policy`, `x`, `timestep`, `coefs`, `context`, `uncond`; `policyGrad`; `ct` `[B, H, W, C]`, an adjoint; and `direct` `[B]`,
 * what it is multiplied by first: the product of `a` over steps between whose `eps` counts as constant, 1 if there are none.
 * Outputs `ct`, the adjoint of `x`, and `policyGrad` with the step's gradient added.
 */
export function stepAdjointGraph(
  models: Models,
  layout: FlatLayout,
  extents: Extents,
  guidance: number,
): Bound {
  const types = {
    ...stepTypes(models, layout, extents),
    policyGrad: vector(layout.length),
    ct: latents(models, extents),
    direct: vector(extents.batch),
  };
  return bindWeights({ policy: models.policy.weights }, types, (scopes, inputs) => {
    const adapters = unpackValues(layout, inputs.policy);
    const eps = guidedNoise(models.policy, scopes.policy, bindParams(adapters), inputs, guidance);
    const next = ddimMean(inputs.x, eps, inputs.coefs);
    const adjoint = mul(inputs.ct, reshape(inputs.direct, [-1, 1, 1, 1]));
    const [ct, ...gradients] = pullback([next], [adjoint], [inputs.x, ...Object.values(adapters)]);
    const byName = Object.fromEntries(Object.keys(adapters).map((name, i) => [name, gradients[i]!]));
    return { ct: ct!, policyGrad: add(inputs.policyGrad, packValues(layout, byName)) };
  });
}

/**
 * One denoising step without noise, for methods that leave the trajectory.
 *
 * Inputs `policy`, `x`, `timestep`, `coefs`, `context`, `uncond`; output `next`.
 */
export function leapGraph(models: Models, layout: FlatLayout, extents: Extents, guidance: number): Bound {
  const types = stepTypes(models, layout, extents);
  return bindWeights({ policy: models.policy.weights }, types, ({ policy: scope }, inputs) => {
    const adapters = bindParams(unpackValues(layout, inputs.policy));
    const eps = guidedNoise(models.policy, scope, adapters, inputs, guidance);
    return { next: ddimMean(inputs.x, eps, inputs.coefs) };
  });
}

/**
 * The graphs of training: the gradients of a micro-batch, and an optimizer step.
 * @module
 */

import type { TensorType } from "../core/tensor.ts";
import { ddimLogProb } from "../diffusion/ddim.ts";
import { grad } from "../engine/autodiff.ts";
import { type Graph, trace, type Value } from "../engine/graph.ts";
import { adamw } from "../engine/ops/adamw.ts";
import { add, div, mul } from "../engine/ops/elementwise.ts";
import { concat } from "../engine/ops/concat.ts";
import { reshape } from "../engine/ops/views.ts";
import { bindParams } from "../nn/scope.ts";
import { type AdamWRates, clipScale, globalNorm } from "../optim/adamw.ts";
import { adamwEach } from "../optim/adamw_each.ts";
import { type FlatLayout, packValues, unpackValues } from "../optim/flat.ts";
import { criticLoss, policyLoss } from "./losses.ts";
import type { Models } from "./models.ts";
import type { Options, TrainOptions } from "./options.ts";
import { type Extents, floatType, guidedNoise, latents, stepTypes, vector } from "./sampling_graphs.ts";
import { bindWeights, type Bound } from "./weights.ts";

/** Where the parameters of policy and critic lie. */
export interface Layouts {
  /** Of the adapters. */
  readonly policy: FlatLayout;
  /** Of the critic. */
  readonly critic: FlatLayout;
}

/** What {@linkcode policyGradientGraph} logs of a micro-batch, in this order. */
export const POLICY_LOGGED = ["policy_loss", "approx_kl", "clip_fraction"] as const;
/** What {@linkcode criticGradientGraph} logs of a micro-batch, in this order. */
export const CRITIC_LOGGED = ["critic_loss", "critic_clip_fraction"] as const;

/**
 * The policy's gradient on one micro-batch, added to those before it.
 *
 * Inputs: `policy`, `policyGrad`; `x`, `prev`, `timestep`, `coefs`, `context`, `uncond`; `oldLogProb`, `advantage`, both `[B]`.
 * Outputs: `policyGrad`, `ratio` `[B]`, `log` in the order of {@linkcode POLICY_LOGGED}, and the guided `eps`.
 */
export function policyGradientGraph(
  models: Models,
  layout: FlatLayout,
  extents: Extents,
  { train, sample }: Options,
): Bound {
  const types = {
    ...stepTypes(models, layout, extents),
    policyGrad: vector(layout.length),
    prev: latents(models, extents),
    oldLogProb: vector(extents.batch),
    advantage: vector(extents.batch),
  };
  return bindWeights({ policy: models.policy.weights }, types, (scopes, inputs) => {
    const adapters = unpackValues(layout, inputs.policy);
    const guidance = train.cfg ? sample.guidance_scale : 1;
    const eps = guidedNoise(models.policy, scopes.policy, bindParams(adapters), inputs, guidance);
    const logProb = ddimLogProb(inputs.x, eps, inputs.prev, inputs.coefs);
    const { loss, ratio, approxKl, clipFraction } = policyLoss(
      logProb,
      inputs.oldLogProb,
      inputs.advantage,
      train.clip_range,
    );
    return {
      policyGrad: add(inputs.policyGrad, shareOf(train, flatGradient(loss, layout, adapters))),
      ratio,
      log: logOf([loss, approxKl, clipFraction]),
      eps,
    };
  });
}

/**
 * The critic's gradient on one micro-batch, added to those before it.
 *
 * Inputs: `critic`, `criticGrad`; `embedding`, `timestep`, `pooled`; `oldResidual`, `returns`, both `[B]`; `dropoutKey` u32 `[2]`.
 * Outputs: `criticGrad`, and `log` in the order of {@linkcode CRITIC_LOGGED}.
 *
 * @param width Of the embeddings.
 */
export function criticGradientGraph(
  { critic }: Pick<Models, "critic">,
  layout: FlatLayout,
  { batch, pooled }: Extents,
  width: number,
  { train }: Pick<Options, "train">,
): Graph {
  const types = {
    critic: vector(layout.length),
    criticGrad: vector(layout.length),
    embedding: floatType(batch, width),
    timestep: vector(batch),
    pooled: floatType(batch, pooled),
    oldResidual: vector(batch),
    returns: vector(batch),
    dropoutKey: { shape: [2], dtype: "u32" } as TensorType,
  };
  return trace((inputs) => {
    const layers = unpackValues(layout, inputs.critic);
    const { embedding, timestep, pooled: prompt, dropoutKey } = inputs;
    const { residual } = critic.build(bindParams(layers), { embedding, timestep, prompt, dropoutKey });
    const { loss, clipFraction } = criticLoss(
      residual,
      inputs.oldResidual,
      inputs.returns,
      train.clip_range_critic,
    );
    return {
      criticGrad: add(inputs.criticGrad, shareOf(train, flatGradient(loss, layout, layers))),
      log: logOf([loss, clipFraction]),
    };
  }, types);
}

/**
 * One optimizer step of policy and critic, each with its gradient clipped on its own.
 *
 * Inputs: `policy`, `policyM`, `policyV`, `policyGrad`, `policyHyper`; `critic`, `criticM`, `criticV`, `criticSince`, `criticGrad`,
 * `criticHyper`. Outputs: the first three of each, and `norms` `[2]`, those of the gradients before they are clipped.
 */
export function optimizerGraph(layouts: Layouts, train: TrainOptions): Graph {
  const rates = { policy: policyRates(train), critic: criticRates(train) };
  const policy = vector(layouts.policy.length);
  const critic = vector(layouts.critic.length);
  const types = {
    policy,
    policyM: policy,
    policyV: policy,
    policyGrad: policy,
    policyHyper: vector(4),
    critic,
    criticM: critic,
    criticV: critic,
    criticSince: critic,
    criticGrad: critic,
    criticHyper: vector(3),
  };
  return trace((inputs) => {
    const norms = [globalNorm(inputs.policyGrad), globalNorm(inputs.criticGrad)] as const;
    const policy = adamw({
      param: inputs.policy,
      m: inputs.policyM,
      v: inputs.policyV,
      grad: inputs.policyGrad,
      scale: clipScale(norms[0], train.max_grad_norm),
      hyper: inputs.policyHyper,
    }, rates.policy);
    const critic = adamwEach({
      param: inputs.critic,
      m: inputs.criticM,
      v: inputs.criticV,
      since: inputs.criticSince,
      grad: inputs.criticGrad,
      scale: div(clipScale(norms[1], train.max_grad_norm), train.critic_grad_div),
      hyper: inputs.criticHyper,
    }, rates.critic);
    return {
      policy: policy.param,
      policyM: policy.m,
      policyV: policy.v,
      critic: critic.param,
      criticM: critic.m,
      criticV: critic.v,
      norms: concat(norms.map((norm) => reshape(norm, [1])), 0),
    };
  }, types);
}

/** The rates of the policy's optimizer. */
export function policyRates(train: TrainOptions): AdamWRates {
  return {
    learningRate: train.learning_rate,
    weightDecay: train.adam_weight_decay,
    beta1: train.adam_beta1,
    beta2: train.adam_beta2,
    eps: train.adam_epsilon,
  };
}

/** The rates of the critic's optimizer. */
export function criticRates(train: TrainOptions): AdamWRates {
  return { ...policyRates(train), learningRate: train.critic_learning_rate, eps: train.critic_adam_epsilon };
}

/** A micro-batch's share of an optimizer step. */
function shareOf({ gradient_accumulation_steps }: TrainOptions, gradient: Value): Value {
  return mul(gradient, 1 / gradient_accumulation_steps);
}

function logOf(scalars: readonly Value[]): Value {
  return concat(scalars.map((value) => reshape(value, [1])), 0);
}

/** The gradient by all parameters of a layout, flat. */
function flatGradient(loss: Value, layout: FlatLayout, values: Readonly<Record<string, Value>>): Value {
  const gradients = grad(loss, Object.values(values));
  return packValues(
    layout,
    Object.fromEntries(Object.keys(values).map((name, i) => [name, gradients[i]!])),
  );
}

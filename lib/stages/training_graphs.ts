/**
 * The graphs of training: the gradients of a micro-batch, and an optimizer step.
 * @module
 */

import type { TensorType } from "../core/tensor.ts";
import { ddimLogProb } from "../diffusion/ddim.ts";
import { grad } from "../engine/autodiff.ts";
import { type Graph, trace, type Value } from "../engine/graph.ts";
import { adamw } from "../engine/ops/adamw.ts";
import { add, div, mul, square } from "../engine/ops/elementwise.ts";
import { concat } from "../engine/ops/concat.ts";
import { sum } from "../engine/ops/reductions.ts";
import { reshape } from "../engine/ops/views.ts";
import { bindParams } from "../nn/scope.ts";
import { type AdamWRates, clipScale, globalNorm } from "../optim/adamw.ts";
import { adamwEach } from "../optim/adamw_each.ts";
import { type FlatLayout, packValues, unpackValues } from "../optim/flat.ts";
import { criticLoss, klLoss, policyLoss } from "./losses.ts";
import type { Models } from "./models.ts";
import { type Options, stepsPerUpdate, trainingGuidance, type TrainOptions } from "./options.ts";
import type { Logged } from "./records.ts";
import { type Extents, floatType, guidedNoise, latents, stepTypes, vector } from "./sampling_graphs.ts";
import { bindWeights, type Bound } from "./weights.ts";

/** Where the parameters of policy and critic lie. */
export interface Layouts {
  /** Of the policy's parameters. */
  readonly policy: FlatLayout;
  /** Of the critic; `null`: there is none. */
  readonly critic: FlatLayout | null;
}

/** What {@linkcode policyGradientGraph} logs of a micro-batch, in this order. */
export function policyLogged({ train }: Pick<Options, "train">): readonly (keyof Logged)[] {
  const always = ["policy_loss", "approx_kl", "clip_fraction", "squared_grad_norm"] as const;
  return [...always, ...train.kl_weight > 0 ? ["kl_loss"] as const : []];
}

/** What {@linkcode criticGradientGraph} logs of a micro-batch, in this order. */
export const CRITIC_LOGGED = ["critic_loss", "critic_clip_fraction"] as const;

/**
 * The policy's gradient on one micro-batch, added to those before it.
 *
 * Inputs: `policy`, `policyGrad`; `x`, `prev`, `timestep`, `coefs`, `context`, `uncond`; `oldLogProb`, `advantage`, both `[B]`.
 * Outputs: `policyGrad`, `ratio` `[B]`, `log` in the order of {@linkcode policyLogged}, and the guided `eps`.
 */
export function policyGradientGraph(
  models: Models,
  layout: FlatLayout,
  extents: Extents,
  options: Options,
): Bound {
  const { train } = options;
  const types = {
    ...stepTypes(models, layout, extents),
    policyGrad: vector(layout.length),
    prev: latents(models, extents),
    oldLogProb: vector(extents.batch),
    advantage: vector(extents.batch),
  };
  return bindWeights({ policy: models.policy.weights }, types, (scopes, inputs) => {
    const adapters = unpackValues(layout, inputs.policy);
    const guidance = trainingGuidance(options);
    const eps = guidedNoise(models.policy, scopes.policy, bindParams(adapters), inputs, guidance);
    const logProb = ddimLogProb(inputs.x, eps, inputs.prev, inputs.coefs);
    const { loss, ratio, approxKl, clipFraction } = policyLoss(
      logProb,
      inputs.oldLogProb,
      inputs.advantage,
      train.clip_range,
      train.loss,
    );
    const base = () => guidedNoise(models.policy, scopes.policy, null, inputs, guidance);
    const kl = train.kl_weight > 0 ? klLoss(eps, base(), inputs.coefs, train.kl_form) : null;
    const whole = kl === null ? loss : add(loss, mul(kl, train.kl_weight));
    const share = gradientShare(whole, layout, adapters, options);
    return {
      policyGrad: add(inputs.policyGrad, share),
      ratio,
      log: logOf([loss, approxKl, clipFraction, sum(square(share)), ...kl === null ? [] : [kl]]),
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
  options: Pick<Options, "train" | "sample">,
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
      options.train.clip_range_critic,
    );
    return {
      criticGrad: add(inputs.criticGrad, gradientShare(loss, layout, layers, options)),
      log: logOf([loss, clipFraction]),
    };
  }, types);
}

/**
 * One optimizer step of policy and critic, each with its gradient clipped on its own.
 *
 * Inputs: `policy`, `policyM`, `policyV`, `policyGrad`, `policyHyper`, with a running mean `policyEma`; with a critic `critic`,
 * `criticM`, `criticV`, `criticSince`, `criticGrad`, `criticHyper`; where `reset.of` is the policy, `policySince`. Outputs: the first
 * three of each, `policyEma`, and `norms` `[1]` or `[2]`, those of the gradients before they are clipped.
 */
export function optimizerGraph(layouts: Layouts, { train, reset }: Pick<Options, "train" | "reset">): Graph {
  const { ema_decay: decay } = train;
  const { policy, critic } = layouts;
  const types: Record<string, TensorType> = {
    ...optimizerTypes("policy", policy, reset.of === "policy"),
    ...decay !== null && { policyEma: vector(policy.length) },
    ...critic && optimizerTypes("critic", critic, true),
  };
  return trace((inputs) => {
    const given = inputs as Record<string, Value>;
    const norms = [given.policyGrad!, ...critic ? [given.criticGrad!] : []].map(globalNorm);
    const scales = norms.map((norm) => clipScale(norm, train.max_grad_norm));
    const moved = optimizerStep(given, "policy", scales[0]!, policyRates(train));
    const taught = critic &&
      optimizerStep(given, "critic", div(scales[1]!, train.critic_grad_div), criticRates(train));
    return {
      policy: moved.param,
      policyM: moved.m,
      policyV: moved.v,
      ...taught && { critic: taught.param, criticM: taught.m, criticV: taught.v },
      ...decay !== null && {
        policyEma: add(mul(given.policyEma!, decay), mul(moved.param, 1 - decay)),
      },
      norms: concat(norms.map((norm) => reshape(norm, [1])), 0),
    };
  }, types);
}

function optimizerTypes(
  name: string,
  layout: FlatLayout,
  countsEach: boolean,
): Record<string, TensorType> {
  const each = vector(layout.length);
  return {
    [name]: each,
    [`${name}M`]: each,
    [`${name}V`]: each,
    ...countsEach && { [`${name}Since`]: each },
    [`${name}Grad`]: each,
    [`${name}Hyper`]: vector(countsEach ? 3 : 4),
  };
}

/** The step of one optimizer, whose elements each count their own steps where there is a `since` of its name. */
function optimizerStep(
  given: Readonly<Record<string, Value>>,
  name: string,
  scale: Value,
  rates: AdamWRates,
): { param: Value; m: Value; v: Value } {
  const [param, m, v, grad, hyper] = ["", "M", "V", "Grad", "Hyper"].map((use) => given[`${name}${use}`]!);
  const inputs = { param: param!, m: m!, v: v!, grad: grad!, scale, hyper: hyper! };
  const since = given[`${name}Since`];
  return since === undefined ? adamw(inputs, rates) : adamwEach({ ...inputs, since }, rates);
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

/** The share that a micro-batch has in the gradient of an optimizer step: one of those that the policy learns from. */
export function gradientShare(
  loss: Value,
  layout: FlatLayout,
  values: Readonly<Record<string, Value>>,
  options: Pick<Options, "train" | "sample">,
): Value {
  const batches = options.train.gradient_accumulation_steps * stepsPerUpdate(options);
  return mul(flatGradient(loss, layout, values), 1 / batches);
}

/** Scalars one after the other, `[n]`, to be read back together. */
export function logOf(scalars: readonly Value[]): Value {
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

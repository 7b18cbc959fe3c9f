/**
 * The graphs of sampling: reading prompts, one denoising step, and what is seen on the way.
 * @module
 */

import type { TensorType } from "../core/tensor.ts";
import { DDIM_COEFS, ddimKl, ddimLogProb, ddimMean, ddimStep, guide } from "../diffusion/ddim.ts";
import { type Graph, trace, type Value } from "../engine/graph.ts";
import { relu } from "../engine/ops/elementwise.ts";
import { concat } from "../engine/ops/concat.ts";
import { mean } from "../engine/ops/reductions.ts";
import { broadcast, slice } from "../engine/ops/views.ts";
import type { CriticResult } from "../models/critic.ts";
import { bindParams, type Scope } from "../nn/scope.ts";
import { type FlatLayout, unpackValues } from "../optim/flat.ts";
import type { Critic, Models, Policy, Tokens } from "./models.ts";
import type { CriticView } from "./options.ts";
import { bindWeights, type Bound } from "./weights.ts";

/** The extents that graphs are built for. */
export interface Extents {
  /** Samples together. */
  readonly batch: number;
  /** `[S, D]`, of one prompt's context. */
  readonly context: readonly [number, number];
  /** Width of the vector that stands for a prompt. */
  readonly pooled: number;
}

/** Prompts to what the other models read of them. Inputs `ids`, `ends`; outputs `context`, `pooled`. */
export function textGraph({ text }: Models, { ids, ends }: Tokens): Bound {
  return bindWeights(
    { text: text.weights },
    { ids, ends },
    ({ text: scope }, inputs) => ({ ...text.build(scope, inputs) }),
  );
}

/**
 * One step of a batch, each sample at any step.
 *
 * Inputs `policy`, `x`, `noise`, `timestep`, `coefs`, `context`, `uncond`; outputs `prev`, `logProb`, and the guided `eps`.
 */
export function stepGraph(models: Models, layout: FlatLayout, extents: Extents, guidance: number): Bound {
  const types = { ...stepTypes(models, layout, extents), noise: latents(models, extents) };
  return bindWeights({ policy: models.policy.weights }, types, ({ policy: scope }, inputs) => {
    const adapters = bindParams(unpackValues(layout, inputs.policy));
    const eps = guidedNoise(models.policy, scope, adapters, inputs, guidance);
    // As a result eps is stored, so the log-probability is computed from the same bits here and in training.
    return { ...ddimStep(inputs.x, eps, inputs.noise, inputs.coefs), eps };
  });
}

/** The types of what a step reads, in sampling and in training. */
export function stepTypes(
  models: Models,
  layout: FlatLayout,
  extents: Extents,
): Readonly<Record<"policy" | "x" | "timestep" | "coefs" | "context" | "uncond", TensorType>> {
  const { batch, context } = extents;
  return {
    policy: vector(layout.length),
    x: latents(models, extents),
    timestep: vector(batch),
    coefs: floatType(batch, DDIM_COEFS),
    context: floatType(batch, ...context),
    uncond: floatType(1, ...context),
  };
}

/** What {@linkcode guidedNoise} reads. */
export interface NoiseInputs {
  /** `[B, H, W, C]`. */
  readonly x: Value;
  /** `[B]`. */
  readonly timestep: Value;
  /** `[B, S, D]`. */
  readonly context: Value;
  /** `[1, S, D]`, of the empty prompt. */
  readonly uncond: Value;
}

/** The policy's noise `[B, H, W, C]`, the base model's without adapters, guided away from that of the empty prompt. */
export function guidedNoise(
  policy: Policy,
  scope: Scope,
  adapters: Scope | null,
  { x, timestep, context, uncond }: NoiseInputs,
  guidance: number,
): Value {
  if (guidance === 1) return policy.build(scope, { sample: x, timestep, context }, adapters);
  const batch = x.shape[0]!;
  const both = policy.build(scope, {
    sample: concat([x, x], 0),
    timestep: concat([timestep, timestep], 0),
    context: concat([broadcast(uncond, context.shape), context], 0),
  }, adapters);
  return guide(slice(both, 0, 0, batch), slice(both, 0, batch, 2 * batch), guidance);
}

/** What latents look like. Input `x`; output `images`. */
export function decodeGraph(models: Models, extents: Extents): Bound {
  const { decoder } = models;
  return bindWeights(
    { decoder: decoder.weights },
    { x: latents(models, extents) },
    (scopes, { x }) => ({ images: decoder.build(scopes.decoder, x) }),
  );
}

/**
 * What the critic sees of a step, and what it makes of that.
 *
 * Inputs `critic`, `x`, `eps`, `coefs`, `timestep`, `context`, `pooled`; outputs `embedding`, `residual`.
 *
 * @param view Of the latents `x`, or of the image that `eps` predicts in them, by the `coefs` of the step to it.
 */
export function observeGraph(
  models: Models,
  layout: FlatLayout,
  extents: Extents,
  view: CriticView,
): Bound {
  const { sight, critic } = models;
  const types = {
    critic: vector(layout.length),
    x: latents(models, extents),
    eps: latents(models, extents),
    coefs: floatType(extents.batch, DDIM_COEFS),
    timestep: vector(extents.batch),
    context: floatType(extents.batch, ...extents.context),
    pooled: floatType(extents.batch, extents.pooled),
  };
  return bindWeights(sight.parts, types, (scopes, { x, eps, coefs, context, ...inputs }) => {
    const sample = view === "predicted" ? ddimMean(x, eps, coefs) : x;
    const embedding = sight.build(scopes, { sample, timestep: inputs.timestep, context });
    const scope = bindParams(unpackValues(layout, inputs.critic));
    const { timestep, pooled: prompt } = inputs;
    const { residual } = critic.build(scope, { embedding, timestep, prompt, dropoutKey: null });
    return { embedding, residual };
  });
}

/** What the critic makes of what it has seen. Inputs `critic`, `embedding`, `timestep`, `pooled`; output `residual`. */
export function predictGraph(critic: Critic, layout: FlatLayout, width: number, extents: Extents): Graph {
  return criticGraph(critic, layout, width, extents, ({ residual }) => ({ residual }));
}

/**
 * What the base model makes of a step that was taken. Inputs `x`, `eps`, `prev`, of the step; `base`, what the base model predicts in
 * `x`; `coefs`. Outputs, both `[B]` and means over elements: `kl`, how far apart the two lead, and `logProb`, how probable `prev` is
 * to it.
 */
export function comparisonGraph(models: Models, extents: Extents): Graph {
  const step = latents(models, extents);
  const types = { x: step, eps: step, prev: step, base: step, coefs: floatType(extents.batch, DDIM_COEFS) };
  return trace(({ x, eps, prev, base, coefs }) => ({
    kl: ddimKl(eps, base, coefs),
    logProb: ddimLogProb(x, base, prev, coefs),
  }), types);
}

/**
 * How active the critic's neurons are over some embeddings.
 *
 * Inputs `critic`, `embedding`, `timestep`, `pooled`; outputs `layer0`, `layer1`, …: `mean_b relu(h_bi)`, and `features0`, …: what
 * each hidden layer hands on, `[B, width]`.
 */
export function activityGraph(critic: Critic, layout: FlatLayout, width: number, extents: Extents): Graph {
  return criticGraph(
    critic,
    layout,
    width,
    extents,
    ({ hidden, features }) =>
      Object.fromEntries([
        ...hidden.map((h, i) => [`layer${i}`, mean(relu(h), [0])] as const),
        ...features.map((x, i) => [`features${i}`, x] as const),
      ]),
  );
}

function criticGraph(
  critic: Critic,
  layout: FlatLayout,
  width: number,
  extents: Extents,
  outputs: (found: CriticResult) => Readonly<Record<string, Value>>,
): Graph {
  const types = {
    critic: vector(layout.length),
    embedding: floatType(extents.batch, width),
    timestep: vector(extents.batch),
    pooled: floatType(extents.batch, extents.pooled),
  };
  return trace(({ critic: flat, embedding, timestep, pooled: prompt }) => {
    const scope = bindParams(unpackValues(layout, flat));
    return outputs(critic.build(scope, { embedding, timestep, prompt, dropoutKey: null }));
  }, types);
}

/** The type of a vector of floats. */
export function vector(length: number): TensorType {
  return floatType(length);
}

/** The type of a tensor of floats. */
export function floatType(...shape: readonly number[]): TensorType {
  return { shape, dtype: "f32" };
}

/** The type of a batch's latents. */
export function latents({ latentShape }: Models, { batch }: Extents): TensorType {
  return floatType(batch, ...latentShape);
}

/**
 * The temporal critic: what an image in the making lets one expect of the reward.
 *
 * An MLP on the embedding of the decoded latents (Zhang et al. 2024, https://arxiv.org/abs/2402.08552). The reference
 * implementation has no activations, and neither timestep nor prompt as inputs; here they are options.
 * @module
 */

import { input, type Value } from "../engine/graph.ts";
import { mul } from "../engine/ops/elementwise.ts";
import { concat } from "../engine/ops/concat.ts";
import { reshape } from "../engine/ops/views.ts";
import { activate } from "../nn/activation.ts";
import { dropoutMasks } from "../nn/dropout.ts";
import { linear } from "../nn/linear.ts";
import type { NeuronLayer } from "../nn/neuron_layer.ts";
import { constantInit, declareParams, normalInit, type ParamSpec, type Scope } from "../nn/scope.ts";
import { timestepEmbedding } from "../nn/timestep_embedding.ts";
import type { CriticConfig } from "./critic_config.ts";

/** Width of the timestep's embedding. */
const TIMESTEP_WIDTH = 32;

/** What the critic looks at. */
export interface CriticInputs {
  /** What it sees of the latents `[B, embedding_dim]`, of length 1 or near it. */
  readonly embedding: Value;
  /** Timesteps `[B]`, in 0..999; needed where the config has `timestep`. */
  readonly timestep?: Value | null;
  /** Embeddings of the prompts `[B, prompt_dim]`; needed where the config has `prompt_dim`. */
  readonly prompt?: Value | null;
  /** The random key u32 `[2]` that dropout draws from; without one nothing is dropped. */
  readonly dropoutKey?: Value | null;
}

/** What the critic finds. */
export interface CriticResult {
  /** The residual it predicts `[B]`. */
  readonly residual: Value;
  /** Each hidden layer before activation and dropout, `[B, width]`: what neuron scores are taken from. */
  readonly hidden: readonly Value[];
  /** Each hidden layer after activation and dropout, `[B, width]`: what the next layer reads. */
  readonly features: readonly Value[];
}

/** A linear layer of the critic. */
export interface CriticLayer {
  /** Its place: `layers.0`, `layers.1`, …; the last one has the single output. */
  readonly name: string;
  /** Width of its input. */
  readonly into: number;
  /** Width of its output. */
  readonly out: number;
  /** Standard deviation of its initial weights. */
  readonly std: number;
}

/**
 * Predicts residuals.
 *
 * @param scope The critic's parameters.
 * @throws {TypeError} If an input is missing that the config asks for.
 */
export function critic(scope: Scope, config: CriticConfig, inputs: CriticInputs): CriticResult {
  const layers = criticLayers(config);
  let x = joined(config, inputs);
  const batch = x.shape[0]!;
  const masks = inputs.dropoutKey
    ? dropoutMasks(
      inputs.dropoutKey,
      batch,
      config.hidden.map((width, i) => ({ width, rate: config.dropout[i]! })),
    )
    : [];
  const hidden: Value[] = [], features: Value[] = [];
  layers.forEach(({ name, out, std }, i) => {
    x = linear(scope.at(name), x, out, { init: { weight: normalInit(std), bias: constantInit(0) } });
    if (i === layers.length - 1) return;
    hidden.push(x);
    x = activate(config.activation, x);
    const mask = masks[i];
    if (mask) x = mul(x, mask);
    features.push(x);
  });
  return { residual: reshape(x, [batch]), hidden, features };
}

/** The critic's layers in order, with how their weights start, also after a reset. */
export function criticLayers(config: CriticConfig): CriticLayer[] {
  const width = config.embedding_dim + (config.timestep ? TIMESTEP_WIDTH : 0) + (config.prompt_dim ?? 0);
  const widths = [width, ...config.hidden, 1];
  return widths.slice(1).map((out, i) => {
    const into = widths[i]!;
    return { name: `layers.${i}`, into, out, std: initialStd(config, width, into, i) };
  });
}

/** The neurons of its hidden layers. */
export function criticNeurons(config: CriticConfig): NeuronLayer[] {
  const names = criticLayers(config).map(({ name }) => name);
  return names.slice(1).map((next, i) => ({
    incoming: `${names[i]}.weight`,
    bias: `${names[i]}.bias`,
    outgoing: `${next}.weight`,
  }));
}

function initialStd(
  { init, activation, hidden }: CriticConfig,
  width: number,
  into: number,
  layer: number,
): number {
  if (init === "reference") return 1 / (width + 1);
  if (layer === hidden.length) return 0;
  return Math.sqrt((activation === "relu" ? 2 : 1) / into);
}

/** Lists the critic's parameters. */
export function declareCritic(config: CriticConfig): ParamSpec[] {
  return declareParams((scope) =>
    critic(scope, config, {
      embedding: input("embedding", [1, config.embedding_dim]),
      timestep: input("timestep", [1]),
      prompt: input("prompt", [1, config.prompt_dim ?? 1]),
    })
  );
}

function joined(config: CriticConfig, { embedding, timestep, prompt }: CriticInputs): Value {
  const parts = [config.rescaled ? mul(embedding, Math.sqrt(config.embedding_dim)) : embedding];
  if (config.timestep) {
    const waves = { flip_sin_to_cos: true, freq_shift: 0 };
    parts.push(timestepEmbedding(given(timestep, "timestep"), TIMESTEP_WIDTH, waves));
  }
  if (config.prompt_dim !== null) parts.push(given(prompt, "prompt"));
  return concat(parts, 1);
}

function given(value: Value | null | undefined, name: string): Value {
  if (!value) {
    throw new TypeError(`Cannot apply the critic as its config wants an input that is missing: ${name}`);
  }
  return value;
}

/**
 * The models of a run as the stages see them: functions that build graphs, and the weights that these read.
 *
 * A test hands over functions of its own; nothing here knows a UNet.
 * @module
 */

import type { Shape, WordTensor } from "../core/tensor.ts";
import type { SchedulerConfig } from "../diffusion/scheduler_config.ts";
import type { Value } from "../engine/graph.ts";
import type { CriticInputs, CriticResult } from "../models/critic.ts";
import type { NeuronLayer } from "../nn/neuron_layer.ts";
import type { ParamSpec, Scope } from "../nn/scope.ts";
import type { Weights } from "./weights.ts";

/** A model whose weights do not change. */
export interface Frozen<Inputs, Outputs> {
  /** Builds its graph. */
  readonly build: (scope: Scope, inputs: Inputs) => Outputs;
  /** Its weights in the engine's layout; it may read only some of them. */
  readonly weights: Weights;
}

/** Prompts as token ids. */
export interface Tokens {
  /** u32 `[P, S]`. */
  readonly ids: WordTensor;
  /** u32 `[P]`: where each prompt ends, as a position in the flattened ids. */
  readonly ends: WordTensor;
}

/** What prompts are to the other models. */
export interface TextFeatures {
  /** `[P, S, D]`, what the policy attends to. */
  readonly context: Value;
  /** `[P, E]`, one vector a prompt, which a critic may look at. */
  readonly pooled: Value;
}

/** What the policy predicts noise from. */
export interface PolicyInputs {
  /** `[B, H, W, C]`, noisy latents. */
  readonly sample: Value;
  /** `[B]`, in 0..999. */
  readonly timestep: Value;
  /** `[B, S, D]`. */
  readonly context: Value;
}

/** The model that is trained: a frozen base, and adapters for it or weights in place of its own. */
export interface Policy {
  /** Predicts the noise in latents, `[B, H, W, C]`; without `trained` parameters it is the base model. */
  readonly build: (scope: Scope, inputs: PolicyInputs, trained: Scope | null) => Value;
  /** The base model's weights. */
  readonly weights: Weights;
  /** The parameters that are trained. Adapters start so that the policy is the base model, as it is where all are 0. */
  readonly specs: readonly ParamSpec[];
  /** What of these is reset together: of a low-rank adapter its components. */
  readonly neurons: readonly NeuronLayer[];
  /** Whether these are all of the base model's weights, and start from them, rather than adapters; default no. */
  readonly isWhole?: boolean;
}

/** How a critic looks at latents. */
export interface Sight {
  /** Weights by the part of the model they belong to. */
  readonly parts: Readonly<Record<string, Weights>>;
  /** From what the policy predicts from to `[B, D]`, of length 1 or near it; the scopes are over the parts. */
  readonly build: (scopes: Readonly<Record<string, Scope>>, inputs: PolicyInputs) => Value;
}

/** The model that learns what to expect. */
export interface Critic {
  /** Predicts residuals. */
  readonly build: (scope: Scope, inputs: CriticInputs) => CriticResult;
  /** Its parameters, with how they start. */
  readonly specs: readonly ParamSpec[];
  /** Its hidden layers from first to last. */
  readonly neurons: readonly NeuronLayer[];
}

/** All models of a run. */
export interface Models {
  /** Turns prompts to token ids, all of one length. */
  readonly tokenize: (prompts: readonly string[]) => Tokens;
  /** Reads prompts. */
  readonly text: Frozen<{ readonly ids: Value; readonly ends: Value }, TextFeatures>;
  /** Predicts noise. */
  readonly policy: Policy;
  /** From latents `[B, H, W, C]` to images `[B, H', W', 3]`, RGB in [0, 1]. */
  readonly decoder: Frozen<Value, Value>;
  /** What the critic sees of a step's latents. */
  readonly sight: Sight;
  /** Predicts residuals from embeddings. */
  readonly critic: Critic;
  /** `[H, W, C]` of one sample's latents. */
  readonly latentShape: Shape;
  /** The noise schedule the policy was trained with. */
  readonly scheduler: SchedulerConfig;
}

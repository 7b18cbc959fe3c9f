/**
 * What crosses from stage to stage: immutable records on the host, each stage's the one before and more.
 * @module
 */

import type { Key } from "../core/random.ts";
import type { F32, FloatTensor } from "../core/tensor.ts";
import type { OptimizerState } from "../optim/adamw.ts";
import type { PromptStatistics } from "./prompt_statistics.ts";

/** Everything that a run remembers from one epoch to the next. */
export interface State {
  /** The epoch that comes next. */
  readonly epoch: number;
  /** The run's key; every random number comes from it and from where it is needed. */
  readonly key: Key;
  /** The policy's adapters, flat, with their optimizer. */
  readonly policy: OptimizerState;
  /** The critic, flat, with its optimizer. */
  readonly critic: OptimizerState;
  /** The latest training rewards of each prompt. */
  readonly promptStatistics: PromptStatistics;
  /** How many images the training reward has judged. */
  readonly rewardQueries: number;
}

/** What sampling saw: `N` samples of `T` steps. */
export interface Sampled {
  /** The epoch they belong to. */
  readonly epoch: number;
  /** `N` prompts. */
  readonly prompts: readonly string[];
  /** `N` numbers of prompts in the run's list. */
  readonly promptRows: readonly number[];
  /** `[N, T+1, H, W, C]`, from noise to image. */
  readonly latents: FloatTensor;
  /** `[N, T]`, log-probability of each step, as mean over the latents' elements. */
  readonly logProbs: FloatTensor;
  /** `[N, T, D]`, of the latents that each step starts from, decoded; of length 1. */
  readonly embeddings: FloatTensor;
  /** `[N, T]`, what the critic predicts from these. */
  readonly residuals: FloatTensor;
  /** `[N, T]`, divergence of each step from the base model's, as mean over elements; `null` where nothing asks for it. */
  readonly divergences: FloatTensor | null;
  /** `[N, H', W', 3]`, RGB in [0, 1]. */
  readonly images: FloatTensor;
}

/** Samples and what they are worth. */
export interface Scored extends Sampled {
  /** `[N]`, the training reward, on its own scale. */
  readonly rewards: F32;
  /** `[N]` for each reward by its name, the training reward among them. */
  readonly scores: Readonly<Record<string, F32>>;
}

/** Samples and what each of their steps is worth. */
export interface Critiqued extends Scored {
  /** `[N, T]`, what the critic should have predicted. */
  readonly returns: FloatTensor;
  /** `[N, T]`, return less residual, with mean 0 and deviation 1 over all samples and steps. */
  readonly temporalRewards: FloatTensor;
  /** The part of the returns' variance that the critic explains, at most 1. */
  readonly explainedVariance: number;
  /** `T` of the same, one for each step. */
  readonly explainedVariances: readonly number[];
  /** The latest training rewards of each prompt, these among them. */
  readonly promptStatistics: PromptStatistics;
}

/** What is logged of one optimizer step; losses are means over its micro-batches. */
export interface UpdateLog {
  /** The policy's loss. */
  readonly policy_loss: number;
  /** The critic's loss. */
  readonly critic_loss: number;
  /** Divergence from the policy that sampled, estimated. */
  readonly approx_kl: number;
  /** Fraction of samples where the policy's clip decides. */
  readonly clip_fraction: number;
  /** Fraction of samples where the critic's clip decides. */
  readonly critic_clip_fraction: number;
  /** Norms of the gradients before they are clipped. */
  readonly grad_norm: { readonly policy: number; readonly critic: number };
  /** How much more probable the policy makes each sample of the step, in order. */
  readonly ratios: readonly number[];
}

/** Samples, and the state after training on them. */
export interface Updated extends Critiqued {
  /** The state after all optimizer steps, its epoch one further. */
  readonly state: State;
  /** One log for each optimizer step. */
  readonly updates: readonly UpdateLog[];
}

/** What the critic's neurons are like, and the state after a reset. */
export interface Reset {
  /** The state after the reset, or as it was. */
  readonly state: State;
  /** The dormant part of each hidden layer, before the reset. */
  readonly dormantFractions: readonly number[];
  /** The dormant part of all neurons. */
  readonly dormantFraction: number;
  /** How many neurons were reset. */
  readonly neuronsReset: number;
}

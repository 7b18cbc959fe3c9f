/**
 * What crosses from stage to stage: immutable records on the host, each stage's the one before and more.
 * @module
 */

import type { Key } from "../core/random.ts";
import type { F32, FloatTensor } from "../core/tensor.ts";
import type { OptimizerState } from "../optim/adamw.ts";
import type { RewardMemory } from "./combine/reward_memory.ts";
import type { DormantParts } from "./neurons.ts";
import type { PromptStatistics } from "./prompt_statistics.ts";

/** Everything that a run remembers from one epoch to the next. */
export interface State {
  /** The epoch that comes next. */
  readonly epoch: number;
  /** The run's key; every random number comes from it and from where it is needed. */
  readonly key: Key;
  /** The policy's parameters, adapters or all of its weights, flat, with their optimizer. */
  readonly policy: OptimizerState;
  /** The critic, flat, with its optimizer; `null`: the method has none. */
  readonly critic: OptimizerState | null;
  /** The running mean of the policy's parameters, flat; `null`: `train.ema_decay` asks for none. */
  readonly ema: F32 | null;
  /** The latest training rewards of each prompt. */
  readonly promptStatistics: PromptStatistics;
  /** What there is to remember of several training rewards. */
  readonly rewardMemory: RewardMemory;
  /** How many images have been judged in order to train. */
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
  /** What the critic saw on the way; `null`: the method has none. */
  readonly observed: Observed | null;
  /** `[N, T]`, how probable the base model holds each step, as mean over elements; `null` where nothing asks for it. */
  readonly baseLogProbs: FloatTensor | null;
  /** `[N, H', W', 3]`, RGB in [0, 1]. */
  readonly images: FloatTensor;
}

/** What the critic saw of each step, by `critic.sees`. */
export interface Observed {
  /** `[N, T, D]`, what it sees of the step's latents, or saw when it last looked: see `Sight`. */
  readonly embeddings: FloatTensor;
  /** `[N, T]`, what the critic predicts from these. */
  readonly residuals: FloatTensor;
}

/** Samples and what they are worth. */
export interface Scored extends Sampled {
  /** `[N]`, the training reward, on its own scale; where there are several, the first. */
  readonly rewards: F32;
  /** `[N]` for each reward by its name, the training rewards among them. */
  readonly scores: Readonly<Record<string, F32>>;
}

/** Samples and what each of their steps is worth. */
export interface Critiqued extends Scored {
  /** `[N, T]`, what is to be had from each step on: what a critic should have predicted. */
  readonly returns: FloatTensor;
  /** `[N, T]`, what the policy's loss weighs each step by; the method says how it comes from the returns. */
  readonly temporalRewards: FloatTensor;
  /** What the critic knew beforehand; `null`: the method has none. */
  readonly explained: Explained | null;
  /** `[N]`, what several training rewards came to, in deviations; `null` where there is one. */
  readonly combined: F32 | null;
  /** The latest training rewards of each prompt, these among them. */
  readonly promptStatistics: PromptStatistics;
  /** What there is to remember of several training rewards, these scores among them. */
  readonly rewardMemory: RewardMemory;
}

/** How much a critic knew of the returns beforehand. */
export interface Explained {
  /** The part of their variance that it explains, at most 1. */
  readonly variance: number;
  /** `T` of the same, one for each step. */
  readonly byStep: readonly number[];
}

/** Numbers that an optimizer step may log, as means over its micro-batches. */
export interface Logged {
  /** The policy's loss. */
  readonly policy_loss: number;
  /** Divergence from the policy that sampled, estimated. */
  readonly approx_kl: number;
  /** Fraction of samples where the policy's clip decides. */
  readonly clip_fraction: number;
  /** Squared norm of the share that a micro-batch has in the policy's gradient. */
  readonly squared_grad_norm: number;
  /** Divergence of a step from the base model's, as the loss takes it, before its weight. */
  readonly kl_loss: number;
  /** The critic's loss. */
  readonly critic_loss: number;
  /** Fraction of samples where the critic's clip decides. */
  readonly critic_clip_fraction: number;
}

/** What is logged of one optimizer step; a number is absent where the method has none like it. */
export interface UpdateLog extends Partial<Logged> {
  /** Norms of the gradients before they are clipped. */
  readonly grad_norm: Norms;
  /** How many micro-batches the policy's gradient adds up; `null` where they share samples, so that they tell no noise. */
  readonly micro_batches: number | null;
  /** The step index that all of the policy's samples are at; `null` where they differ. */
  readonly step_index: number | null;
  /** How much more probable the policy makes each sample of the step, in order; none where the loss has no ratio. */
  readonly ratios: readonly number[];
}

/** Norms of gradients or parameters. */
export interface Norms {
  /** The policy's. */
  readonly policy: number;
  /** The critic's; absent where there is none. */
  readonly critic?: number;
}

/** Samples, and the state after training on them. */
export interface Updated extends Critiqued {
  /** The state after all optimizer steps, its epoch one further. */
  readonly state: State;
  /** One log for each optimizer step. */
  readonly updates: readonly UpdateLog[];
}

/** The state after a reset. */
export interface Reset {
  /** The state after the reset, or as it was. */
  readonly state: State;
  /** What neurons are like; `null`: there are none to be reset. */
  readonly neurons: Neurons | null;
}

/** What neurons are like. */
export interface Neurons {
  /** The critic's dormant parts before the reset; `null`: the method has none. */
  readonly dormant: DormantParts | null;
  /** How many neurons were reset. */
  readonly reset: number;
}

/** The policy that a state is to be judged by, flat: its running mean where there is one. */
export function shownPolicy({ policy, ema }: Pick<State, "policy" | "ema">): F32 {
  return ema ?? policy.params;
}

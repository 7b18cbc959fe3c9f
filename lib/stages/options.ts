/**
 * The options that the stages read: the part of a run's configuration that concerns the method, every switch resolved.
 *
 * Keys are those of the configuration, which is the reference implementation's snake_case wherever it has one.
 * @module
 */

import { checkCombination, type Combination } from "./combine/combination.ts";
import type { KlForm, PolicyLossForm, RewardLossKind } from "./losses.ts";

/** Options of a run; a method may have no use for some. */
export interface Options {
  /** Where all random numbers come from. */
  readonly seed: number;
  /** Epochs to train for. */
  readonly num_epochs: number;
  /** Whether prompts take turns; otherwise each sample draws one with replacement (quirk 23). */
  readonly prompts_balanced: boolean;
  /** Weight of the divergence from the base model that is taken off the reward of every step; 0: none. */
  readonly kl_penalty_coef: number;
  /** How much less a step counts than the next, in (0, 1]. */
  readonly gamma: number;
  /** How images are sampled. */
  readonly sample: SampleOptions;
  /** How policy and critic are trained on them. */
  readonly train: TrainOptions;
  /** How the critic looks on. */
  readonly critic: CriticOptions;
  /** How neurons of critic or policy are reset. */
  readonly reset: ResetOptions;
  /** How reward-weighted regression weighs samples. */
  readonly rwr: RewardWeightOptions;
  /** How methods that differentiate the reward do it. */
  readonly backprop: BackpropOptions;
  /** What is looked into beside training, each every so many epochs; 0: never. */
  readonly probe: ProbeOptions;
  /** How rewards are normalised per prompt; `null`: over the batch. */
  readonly per_prompt_stat_tracking: StatTrackingOptions | null;
  /** How several training rewards become one; absent where there is one. */
  readonly combination?: Combination | undefined;
}

/** How images are sampled. */
export interface SampleOptions {
  /** Denoising steps. */
  readonly num_steps: number;
  /** Noise of a step, in [0, 1]. */
  readonly eta: number;
  /** Classifier-free guidance; 1: none. */
  readonly guidance_scale: number;
  /** Samples denoised together. */
  readonly batch_size: number;
  /** Batches an epoch. */
  readonly num_batches_per_epoch: number;
  /** Samples of a prompt in a row, which a method may compare with one another. */
  readonly group_size: number;
  /** Whether samples of a group start from the same noise. */
  readonly group_noise: boolean;
}

/** How policy and critic are trained. */
export interface TrainOptions {
  /** Learning rate of the policy. */
  readonly learning_rate: number;
  /** Learning rate of the critic. */
  readonly critic_learning_rate: number;
  /** AdamW's decay of the mean of gradients. */
  readonly adam_beta1: number;
  /** AdamW's decay of the mean of squared gradients. */
  readonly adam_beta2: number;
  /** AdamW's weight decay. */
  readonly adam_weight_decay: number;
  /** Added to AdamW's denominator for the policy. */
  readonly adam_epsilon: number;
  /** Added to AdamW's denominator for the critic. */
  readonly critic_adam_epsilon: number;
  /** The norm that gradients are clipped to, policy and critic each on their own. */
  readonly max_grad_norm: number;
  /** Samples a micro-batch. */
  readonly batch_size: number;
  /** Micro-batches an optimizer step. */
  readonly gradient_accumulation_steps: number;
  /** Times each epoch's samples are gone through. */
  readonly num_inner_epochs: number;
  /** What the policy's loss is. */
  readonly loss: PolicyLossForm;
  /** How far the ratio of probabilities may move from 1. */
  readonly clip_range: number;
  /** Weight of the divergence from the base model in the policy's loss; 0: none. */
  readonly kl_weight: number;
  /** How that divergence is taken. */
  readonly kl_form: KlForm;
  /** Decay of the running mean of the policy, which then is judged and saved in its place; `null`: there is none. */
  readonly ema_decay: number | null;
  /** How far the critic may move from what it predicted when sampling; 0: any distance. */
  readonly clip_range_critic: number;
  /** Largest temporal reward, either way; `null`: any. */
  readonly adv_clip_max: number | null;
  /** By whose deviation rewards of a group are divided: the group's, or that of all rewards. */
  readonly group_std: "group" | "global";
  /** Whether every sample visits its steps in an order of its own; otherwise all from noise to image. */
  readonly shuffle_timestep: boolean;
  /** The steps that the policy learns from, less `drop_last_steps`: from the first to before the second, 0 being the noisiest; `null`: all. */
  readonly timestep_window: readonly [number, number] | null;
  /** How many of the last steps the policy does not learn from; the critic learns from all. */
  readonly drop_last_steps: number;
  /** Steps of each sample that an optimizer step adds up; `null`: all that the policy learns from. */
  readonly timesteps_per_update: number | null;
  /** Whether training guides the prediction as sampling does. */
  readonly cfg: boolean;
  /** A control: temporal rewards change places between samples, so that they say nothing. */
  readonly shuffle_advantages: boolean;
  /** What the critic's clipped gradient is divided by: the reference's loss scale (quirk 1); 1: nothing. */
  readonly critic_grad_div: number;
}

/** How the critic looks on while images are sampled. */
export interface CriticOptions {
  /** Which latents of a step it sees: the noisy ones that the step starts from, or the image predicted in these at the step. */
  readonly sees: CriticView;
  /** Steps from one look at the latents to the next, the first being at noise; between, the critic goes by the last look. */
  readonly every: number;
}

/** Which latents of a step a critic sees. */
export type CriticView = "noisy" | "predicted";

/** How neurons are reset. */
export interface ResetOptions {
  /** Whose: the critic's, or the components of the policy's adapters. */
  readonly of: "critic" | "policy";
  /** Epochs from one reset to the next; 0: never. */
  readonly frequency: number;
  /** How often the critic alone goes through samples: the base model's before the first epoch, an epoch's after a reset (quirk 3). */
  readonly relearn: number;
  /** The highest score of a dormant neuron. */
  readonly tau: number;
  /** Which neurons are reset. */
  readonly mode: ResetMode;
  /** The part of these that is reset, drawn anew each time, in (0, 1]. */
  readonly share: number;
  /** Whether the optimizer's step count begins anew for what was reset (quirk 4). */
  readonly optimizer_step: "keep" | "reset";
  /** What outgoing weights become (quirk 4); of adapters, which start at 0, random ones as the incoming start. */
  readonly outgoing: "zero" | "random";
  /** Whether every reset draws other numbers (quirk 10). */
  readonly seed: "distinct" | "fixed";
  /** Whether new weights have the deviation that the critic's widths ask for, or the reference's 1/769 (quirk 7); the policy's are as at the start. */
  readonly std_from_width: boolean;
}

/** How reward-weighted regression weighs samples. */
export interface RewardWeightOptions {
  /** What rewards are multiplied by before their exponentials are taken. */
  readonly beta: number;
  /** Whether rewards are normalised first. */
  readonly standardised: boolean;
  /** Whether samples are weighed among those of their prompt only. */
  readonly per_prompt: boolean;
  /** The percentile from which on samples count, all alike; `null`: all do, by their rewards. */
  readonly percentile: number | null;
  /** Whether the mean weight, 1, is taken off, so that what weighs less is unlearnt. */
  readonly centred: boolean;
}

/** How methods that differentiate the reward do it. */
export interface BackpropOptions {
  /** What scores cost. */
  readonly loss: RewardLossKind;
  /** The score that `distance` and `shortfall` are taken to, on the reward's own scale. */
  readonly target: number;
  /** What the loss is multiplied by. */
  readonly loss_coeff: number;
  /** Which steps have a gradient: the last `last_steps`, from one on that is drawn, or each by a draw of its own. */
  readonly truncation: Truncation;
  /** How many of the last steps have a gradient with truncation `last`. */
  readonly last_steps: number;
  /** How often an image is made noisy anew, for the last step alone to be learnt from. */
  readonly renoised: number;
  /** The part of the steps that are over before the first at which the image is predicted, in [0, 1). */
  readonly predict_from: number;
  /** Weight of denoising the base model's images in `refl`'s loss; 0: none. */
  readonly pretrain_weight: number;
}

/** Which steps a reward's gradient reaches. */
export type Truncation = "last" | "trajectory" | "each_step";

/** What is looked into beside training, each every so many epochs; 0: never. */
export interface ProbeOptions {
  /** The policy's gradient at each denoising step on its own; nothing where a lesson chooses steps itself. */
  readonly gradient: number;
  /** How well a critic that begins anew learns what the critic has learnt. */
  readonly plasticity: number;
}

/** Which neurons a reset concerns. */
export type ResetMode = "none" | "active" | "dormant" | "all";

/** How rewards are normalised per prompt. */
export interface StatTrackingOptions {
  /** Rewards remembered for each prompt. */
  readonly buffer_size: number;
  /** Rewards that a prompt needs before its own statistics are used. */
  readonly min_count: number;
}

/** Samples of one epoch. */
export function samplesPerEpoch({ sample }: Pick<Options, "sample">): number {
  return sample.batch_size * sample.num_batches_per_epoch;
}

/** The step indices that the policy learns from, in order. */
export function learntSteps({ sample, train }: Pick<Options, "sample" | "train">): number[] {
  const [from, to] = train.timestep_window ?? [0, sample.num_steps];
  const end = Math.min(to, sample.num_steps - train.drop_last_steps);
  return Array.from({ length: Math.max(0, end - from) }, (_, i) => from + i);
}

/** The guidance that training's predictions have; 1: none. */
export function trainingGuidance({ sample, train }: Pick<Options, "sample" | "train">): number {
  return train.cfg ? sample.guidance_scale : 1;
}

/** How many steps of each sample an optimizer step adds up. */
export function stepsPerUpdate(options: Pick<Options, "sample" | "train">): number {
  return options.train.timesteps_per_update ?? learntSteps(options).length;
}

/**
 * Checks what no single option can tell.
 *
 * @throws {RangeError} If the samples of an epoch do not fill optimizer steps or groups, no step is left to train on, or
 * rewards cannot be combined.
 */
export function checkOptions(options: Options): void {
  const { sample, train } = options;
  const samples = samplesPerEpoch(options);
  const each = train.batch_size * train.gradient_accumulation_steps;
  if (samples % each !== 0) {
    throw new RangeError(
      `Cannot train as an epoch's samples do not fill optimizer steps: sample.batch_size ${sample.batch_size} times ` +
        `sample.num_batches_per_epoch ${sample.num_batches_per_epoch} is no multiple of train.batch_size ` +
        `${train.batch_size} times train.gradient_accumulation_steps ${train.gradient_accumulation_steps}`,
    );
  }
  if (samples % sample.group_size !== 0) {
    throw new RangeError(
      `Cannot train as an epoch's samples do not fill groups: sample.batch_size ${sample.batch_size} times ` +
        `sample.num_batches_per_epoch ${sample.num_batches_per_epoch} is no multiple of sample.group_size ` +
        `${sample.group_size}`,
    );
  }
  const steps = learntSteps(options).length;
  const { timestep_window: window, timesteps_per_update: together } = train;
  if (window !== null && !(window[0] < window[1] && window[1] <= sample.num_steps)) {
    throw new RangeError(
      `Cannot train as train.timestep_window is no part of the steps: [${window}] of sample.num_steps ` +
        `${sample.num_steps}`,
    );
  }
  if (steps === 0) {
    throw new RangeError(
      `Cannot train as no step is left: train.drop_last_steps ${train.drop_last_steps} of sample.num_steps ` +
        `${sample.num_steps}${window === null ? "" : ` and train.timestep_window [${window}]`}`,
    );
  }
  if (together !== null && steps % together !== 0) {
    throw new RangeError(
      `Cannot train as the steps that the policy learns from do not fill updates: ${steps} steps are no multiple of ` +
        `train.timesteps_per_update ${together}`,
    );
  }
  if (options.combination !== undefined) checkCombination(options.combination);
}

/**
 * The golden runs of the toy: their options, the order of their steps, and the names of their critic's parameters.
 * @module
 */

import type { ParamTree } from "../../lib/core/tensor.ts";
import type { Options } from "../../lib/stages/options.ts";
import type { MicroBatch } from "../../lib/stages/training_schedule.ts";
import { toyOptions } from "./toy.ts";

/** Samples of a golden run. */
export const SAMPLES = 8;

/** Denoising steps of each. */
export const STEPS = 5;

/** What a golden run was made with. */
export interface GoldenRun extends GoldenOrder {
  /** How far the ratio of probabilities may move from 1. */
  readonly clip_range: number;
  /** The norm that gradients are clipped to. */
  readonly max_grad_norm: number;
  /** The policy's optimizer. */
  readonly policy_adamw: Adamw;
  /** The critic's. */
  readonly critic_adamw: Adamw;
}

interface Adamw {
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weight_decay: number;
}

/** The options of a golden run, with more of training over them. */
export function goldenOptions(run: GoldenRun, train: Partial<Options["train"]>): Options {
  const { policy_adamw: policy, critic_adamw: critic } = run;
  return {
    ...toyOptions,
    sample: {
      ...toyOptions.sample,
      num_steps: STEPS,
      guidance_scale: 1,
      batch_size: SAMPLES,
      num_batches_per_epoch: 1,
    },
    train: {
      ...toyOptions.train,
      learning_rate: policy.lr,
      critic_learning_rate: critic.lr,
      adam_beta1: policy.betas[0],
      adam_beta2: policy.betas[1],
      adam_weight_decay: policy.weight_decay,
      adam_epsilon: policy.eps,
      critic_adam_epsilon: critic.eps,
      max_grad_norm: run.max_grad_norm,
      batch_size: run.microbatch,
      gradient_accumulation_steps: run.gradient_accumulation_steps,
      clip_range: run.clip_range,
      ...train,
    },
  };
}

/** The order in which a golden run goes through its samples. */
export interface GoldenOrder {
  /** For each sample the order of its steps. */
  readonly step_order: readonly (readonly number[])[];
  /** Samples of a micro-batch. */
  readonly microbatch: number;
  /** Micro-batches of an update. */
  readonly gradient_accumulation_steps: number;
}

/** The micro-batches of neighbours from a sample on, at a position of their orders. */
export function microBatchesAt(order: GoldenOrder, start: number, position: number): MicroBatch[] {
  const { step_order, microbatch, gradient_accumulation_steps } = order;
  return Array.from({ length: gradient_accumulation_steps }, (_, m) => {
    const rows = Array.from({ length: microbatch }, (_, i) => start + m * microbatch + i);
    return { rows, steps: rows.map((row) => step_order[row]![position]!) };
  });
}

/** The golden critic's layers are numbered 0, 2, 4, 6, 7; ours one after the other. */
export function renamed(params: ParamTree): ParamTree {
  const numbers = ["0", "2", "4", "6", "7"];
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [
      name.replace(/^layers\.(\d)/, (_, number: string) => `layers.${numbers.indexOf(number)}`),
      value,
    ]),
  );
}

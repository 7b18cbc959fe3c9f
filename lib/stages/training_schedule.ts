/**
 * The order of training: which samples at which of their steps make up each optimizer step.
 * @module
 */

import { fold, type Key, permutation } from "../core/random.ts";
import { learntSteps, type Options, samplesPerEpoch, stepsPerUpdate } from "./options.ts";

/** Samples that go through the models together. */
export interface MicroBatch {
  /** The samples. */
  readonly rows: readonly number[];
  /** The step index of each; none where a lesson chooses its steps itself. */
  readonly steps: readonly number[];
}

/** What one optimizer step learns from. */
export interface OptimizerStep {
  /** The policy's micro-batches. */
  readonly policy: readonly MicroBatch[];
  /**
   * The critic's: the policy's, and beside them those at the steps that the policy leaves out. They are added up, each with the share
   * of a micro-batch of the policy, so that a sample counts the same whichever steps it meets.
   */
  readonly critic: readonly MicroBatch[];
}

/**
 * The optimizer steps of an epoch: step positions outside, samples inside, so that each update sees
 * `train.timesteps_per_update` positions only: one, some, or all.
 *
 * With `train.shuffle_timestep` every sample visits its steps in an order of its own, otherwise all go from noise to image. The
 * steps that the policy leaves out are the critic's alone, beside some of the others.
 *
 * @param from The epoch's key.
 */
export function trainingSchedule(from: Key, options: Options): OptimizerStep[] {
  const { sample, train } = options;
  const samples = samplesPerEpoch(options);
  const each = train.batch_size * train.gradient_accumulation_steps;
  const learnt = learntSteps(options);
  const others = Array.from({ length: sample.num_steps }, (_, i) => i).filter((i) => !learnt.includes(i));
  const positions = learnt.length;
  const together = stepsPerUpdate(options);
  const ordered = (key: Key, length: number): readonly number[] =>
    train.shuffle_timestep ? permutation(key, length) : Array.from({ length }, (_, i) => i);
  const schedule: OptimizerStep[] = [];
  for (let inner = 0; inner < train.num_inner_epochs; inner++) {
    const innerKey = fold(from, inner);
    const order = permutation(fold(innerKey, "samples"), samples);
    const ordersOf = (use: string, length: number) =>
      Array.from({ length: samples }, (_, row) => ordered(fold(fold(innerKey, use), row), length));
    const learntOf = ordersOf("steps", positions);
    const othersOf = ordersOf("dropped", others.length);
    const places = ordered(fold(innerKey, "places"), positions);
    for (let first = 0; first < positions; first += together) {
      const now = Array.from({ length: together }, (_, i) => first + i);
      const beside = others.map((_, n) => n).filter((n) => now.includes(places[n % positions]!));
      for (let start = 0; start < samples; start += each) {
        const rows = order.slice(start, start + each);
        const at = (stepOf: (row: number) => number): MicroBatch[] =>
          cut(rows, train.batch_size).map((rows) => ({ rows, steps: rows.map(stepOf) }));
        const policy = now.flatMap((position) => at((row) => learnt[learntOf[row]![position]!]!));
        const critic = beside.flatMap((n) => at((row) => others[othersOf[row]![n]!]!));
        schedule.push({ policy, critic: [...policy, ...critic] });
      }
    }
  }
  return schedule;
}

/**
 * The optimizer steps of an epoch for lessons that choose steps themselves: samples in an order of their own, each once, and no
 * critic.
 *
 * @param from The epoch's key.
 */
export function imageSchedule(from: Key, options: Options): OptimizerStep[] {
  const { train } = options;
  const samples = samplesPerEpoch(options);
  return Array.from({ length: train.num_inner_epochs }, (_, inner) => {
    const order = permutation(fold(fold(from, inner), "samples"), samples);
    return cut(cut(order, train.batch_size), train.gradient_accumulation_steps)
      .map((batches) => ({ policy: batches.map((rows) => ({ rows, steps: [] })), critic: [] }));
  }).flat();
}

function cut<T>(xs: readonly T[], size: number): T[][] {
  return Array.from({ length: xs.length / size }, (_, i) => xs.slice(i * size, (i + 1) * size));
}

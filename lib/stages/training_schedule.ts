/**
 * The order of training: which samples at which of their steps make up each optimizer step.
 * @module
 */

import { fold, type Key, permutation } from "../core/random.ts";
import { type Options, samplesPerEpoch } from "./options.ts";

/** Samples that go through the models together. */
export interface MicroBatch {
  /** The samples. */
  readonly rows: readonly number[];
  /** The step index of each. */
  readonly steps: readonly number[];
}

/** The micro-batches of one optimizer step. */
export type OptimizerStep = readonly MicroBatch[];

/**
 * The optimizer steps of an epoch: step positions outside, samples inside, so that each update sees one position only.
 *
 * With `train.shuffle_timestep` every sample visits its steps in an order of its own, otherwise all go from noise to image.
 *
 * @param from The epoch's key.
 */
export function trainingSchedule(from: Key, options: Options): OptimizerStep[] {
  const { sample, train } = options;
  const samples = samplesPerEpoch(options);
  const each = train.batch_size * train.gradient_accumulation_steps;
  const schedule: OptimizerStep[] = [];
  for (let inner = 0; inner < train.num_inner_epochs; inner++) {
    const innerKey = fold(from, inner);
    const order = permutation(fold(innerKey, "samples"), samples);
    const stepsOf = Array.from(
      { length: samples },
      (_, row) =>
        train.shuffle_timestep
          ? permutation(fold(fold(innerKey, "steps"), row), sample.num_steps)
          : Array.from({ length: sample.num_steps }, (_, i) => i),
    );
    for (let position = 0; position < sample.num_steps; position++) {
      for (let start = 0; start < samples; start += each) {
        const rows = order.slice(start, start + each);
        schedule.push(
          cut(rows, train.batch_size).map((rows) => ({
            rows,
            steps: rows.map((row) => stepsOf[row]![position]!),
          })),
        );
      }
    }
  }
  return schedule;
}

function cut<T>(xs: readonly T[], size: number): T[][] {
  return Array.from({ length: xs.length / size }, (_, i) => xs.slice(i * size, (i + 1) * size));
}

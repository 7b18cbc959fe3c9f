/**
 * Whether a plan fits an adapter, told before any memory is taken.
 * @module
 */

import { MOST_ROUNDS } from "../../kernels/rounds.ts";
import { type Plan, planBytes } from "./plan.ts";
import type { Purpose } from "./runtime.ts";

/** What an adapter allows; named as WebGPU names it. */
export interface Limits {
  /** Bytes of a buffer. */
  readonly maxBufferSize: number;
  /** Bytes that a kernel can see of a buffer. */
  readonly maxStorageBufferBindingSize: number;
}

/** Bytes of the largest tensor that an adapter can work on. */
export function largestBinding({ maxBufferSize, maxStorageBufferBindingSize }: Limits): number {
  return Math.min(maxBufferSize, maxStorageBufferBindingSize);
}

/** What messages say of a program of which nothing is known. */
const SOME_PROGRAM: Purpose = {
  stage: "a program",
  remedy: "lower sample.batch_size or train.batch_size",
};

/**
 * Refuses a plan that the adapter cannot run.
 *
 * @param purpose What it is for.
 * @param software Whether the adapter is the CPU in truth, whose driver may end long loops early without a word; default no.
 * @throws {RangeError} Naming the stage, the sizes, the kernel, and the settings to change.
 */
export function checkLimits(
  plan: Plan,
  limits: Limits,
  { stage, remedy }: Purpose = SOME_PROGRAM,
  software = false,
): void {
  const most = largestBinding(limits);
  for (const { kernel, places } of plan.dispatches) {
    const bytes = Math.max(...places.map((place) => place.bytes));
    if (bytes <= most) continue;
    throw new RangeError(
      `Cannot bind ${bytes} bytes to ${kernel.name} in ${stage} as the adapter allows ${most}, of ${
        planBytes(plan)
      } bytes in all: ${remedy}`,
    );
  }
  const endless = plan.dispatches.find(({ kernel }) => software && kernel.rounds > MOST_ROUNDS);
  if (endless !== undefined) {
    const { name, rounds } = endless.kernel;
    throw new RangeError(
      `Cannot run ${name} in ${stage} as its loops take ${rounds} rounds and software adapters end them after ${MOST_ROUNDS}: ` +
        `${remedy}, or train on a GPU`,
    );
  }
  const largest = Math.max(0, ...plan.slots);
  if (largest > limits.maxBufferSize) {
    throw new RangeError(
      `Cannot make a buffer of ${largest} bytes for ${stage} as the adapter allows ${limits.maxBufferSize}: ${remedy}`,
    );
  }
}

/**
 * Whether a plan fits an adapter, told before any memory is taken.
 * @module
 */

import { type Plan, planBytes } from "./plan.ts";

/** What an adapter allows; named as WebGPU names it. */
export interface Limits {
  /** Bytes of a buffer. */
  readonly maxBufferSize: number;
  /** Bytes that a kernel can see of a buffer. */
  readonly maxStorageBufferBindingSize: number;
}

/**
 * Refuses a plan that the adapter cannot run.
 *
 * @throws {RangeError} Naming the sizes, the kernel, and the settings to lower.
 */
export function checkLimits(plan: Plan, limits: Limits): void {
  const most = Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize);
  for (const { kernel, places } of plan.dispatches) {
    const bytes = Math.max(...places.map((place) => place.bytes));
    if (bytes <= most) continue;
    throw new RangeError(
      `Cannot bind ${bytes} bytes to ${kernel.name} as the adapter allows ${most}, of ${
        planBytes(plan)
      } bytes ` +
        "in all: lower sample.batch_size or train.batch_size",
    );
  }
  const largest = Math.max(0, ...plan.slots);
  if (largest > limits.maxBufferSize) {
    throw new RangeError(
      `Cannot make a buffer of ${largest} bytes as the adapter allows ${limits.maxBufferSize}: ` +
        "lower sample.batch_size or train.batch_size",
    );
  }
}

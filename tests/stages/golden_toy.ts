/**
 * The golden runs of the toy: the order of their steps, and the names of their critic's parameters.
 * @module
 */

import type { ParamTree } from "../../lib/core/tensor.ts";
import type { MicroBatch } from "../../lib/stages/training_schedule.ts";

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

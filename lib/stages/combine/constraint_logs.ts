/**
 * What is logged of constraints.
 * @module
 */

import { moments } from "../../core/moments.ts";
import { standard } from "../prompt_statistics.ts";
import type { Critiqued } from "../records.ts";
import { momentsOf } from "./running_moments.ts";

/** How a constrained reward fares. */
export interface ConstraintLog {
  /** The mean that it has to keep, on its own scale. */
  readonly level: number;
  /** How far the batch's mean is above it, in deviations of all scores so far. */
  readonly slack: number;
  /** What the next epoch pays for a deviation below it. */
  readonly multiplier: number;
}

/** The logs of all constraints, if there are any. */
export function constraintLogs(
  { rewardMemory, scores }: Pick<Critiqued, "rewardMemory" | "scores">,
): { readonly constraints?: Readonly<Record<string, ConstraintLog>> } {
  const logs = Object.entries(rewardMemory.levels).map(([name, level]) => {
    const { std } = momentsOf(rewardMemory.moments[name]!);
    const slack = standard(moments(scores[name]!).mean, { mean: level, std });
    return [name, { level, slack, multiplier: rewardMemory.multipliers[name]! }] as const;
  });
  return logs.length === 0 ? {} : { constraints: Object.fromEntries(logs) };
}

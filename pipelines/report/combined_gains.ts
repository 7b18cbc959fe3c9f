/**
 * How far a run has come in what it was trained on: one reward, or several as they were combined.
 *
 * @module
 */

import { isRecord } from "../config/tree.ts";
import type { CombineMode } from "../../lib/stages/combine/combination.ts";
import { weightedMean } from "../../lib/stages/combine/weighted_mean.ts";
import { worstCase } from "../../lib/stages/combine/worst_case.ts";
import { at, numberAt, textAt, type Tree } from "./tree.ts";

/** How the training rewards were combined. */
export interface Combining {
  /** Which way. */
  readonly combine: CombineMode;
  /** Weights by the names or files that the configuration has. */
  readonly weights: Readonly<Record<string, number>>;
  /** How soft the worst case is. */
  readonly softness: number;
}

/** The rewards that a configuration trains on, and how it combines them; none where it names none. */
export function combiningIn(config: Tree): Combining {
  const train = at(config, "rewards", "train");
  const combine = textAt(config, "rewards", "combine") as CombineMode | undefined;
  return {
    combine: combine ?? "weighted_z",
    weights: typeof train === "string"
      ? { [train]: 1 }
      : Array.isArray(train)
      ? Object.fromEntries(train.map((name) => [String(name), 1]))
      : isRecord(train)
      ? Object.fromEntries(Object.keys(train).map((name) => [name, numberAt(train, name) ?? 1]))
      : {},
    softness: numberAt(config, "rewards", "worst_case", "softness") ?? 0,
  };
}

/**
 * What several gains in base standard deviations come to: that of the first where the others are constraints, the worst, or
 * the weighted mean.
 *
 * @param gains `[N]` of every training reward, in the order of its weights.
 * @returns `[N]`.
 */
export function combinedGains(
  { combine, weights, softness }: Combining,
  gains: readonly (readonly number[])[],
): readonly number[] {
  if (combine === "constraints") return gains[0]!;
  const columns = Object.fromEntries(Object.keys(weights).map((name, i) => [name, gains[i]!]));
  return [...combine === "worst_case" ? worstCase(columns, softness) : weightedMean(columns, weights)];
}

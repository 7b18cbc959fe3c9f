/**
 * How several training rewards become one: the options.
 * @module
 */

import type { DualOptions, PerConstraint } from "./lagrangian.ts";

/** How rewards are combined. */
export type CombineMode = typeof combineModes[number];

/**
 * All ways: the weighted mean of running z-scores; the weighted mean of rewards normalised each on its own; the first, with
 * the others as constraints; the worst running z-score.
 */
export const combineModes = ["weighted_z", "per_reward", "constraints", "worst_case"] as const;

/** How several training rewards become one. */
export interface Combination {
  /** Which way. */
  readonly combine: CombineMode;
  /** Weights of all training rewards by their names, in order. */
  readonly weights: Readonly<Record<string, number>>;
  /** How the others keep the first in check. */
  readonly constraints: ConstraintOptions;
  /** How bad the worst is. */
  readonly worst_case: WorstCaseOptions;
}

/** How rewards are kept at their levels. */
export interface ConstraintOptions extends DualOptions {
  /** The mean that a reward has to keep, on its own scale, by its name; where none is given, the base model's. */
  readonly levels: PerConstraint;
}

/** What the worst case is. */
export interface WorstCaseOptions {
  /** From the minimum at 0 towards the mean, in standard deviations. */
  readonly softness: number;
}

/**
 * Checks what a combination is made of; a single reward passes where there is nothing to combine.
 *
 * @throws {RangeError} If weights are negative, not finite or of sum 0, are given where they say nothing, or a level is none of
 * a constrained reward's.
 */
export function checkCombination({ combine, weights, constraints, worst_case }: Combination): void {
  const names = Object.keys(weights);
  const all = Object.values(weights);
  const [first, second] = names;
  if (first === undefined) throw new RangeError("Cannot combine rewards as rewards.train names none");
  const isTwofold = combine === "constraints" || combine === "worst_case";
  if (second === undefined && isTwofold) {
    throw new RangeError(
      `Cannot combine rewards as rewards.combine ${combine} takes two or more in rewards.train: ${first}`,
    );
  }
  const wrong = names.find((name) => !(Number.isFinite(weights[name]) && weights[name]! >= 0));
  if (wrong !== undefined) {
    throw new RangeError(
      `Cannot combine rewards as the weight of ${wrong} is no number from 0: ${weights[wrong]}`,
    );
  }
  if (all.every((weight) => weight === 0)) {
    throw new RangeError(
      `Cannot combine rewards as the weights of rewards.train sum to 0: ${names.join(", ")}`,
    );
  }
  if (isTwofold && all.some((weight) => weight !== all[0])) {
    throw new RangeError(
      `Cannot combine rewards as rewards.combine ${combine} weighs none: ${
        all.join(", ")
      }; list the names alone`,
    );
  }
  checkLevels(combine, names, constraints.levels);
  const numbers = {
    "constraints.learning_rate": constraints.learning_rate,
    "constraints.max": constraints.max,
  };
  for (const [name, value] of Object.entries({ ...numbers, "worst_case.softness": worst_case.softness })) {
    if (Number.isFinite(value) && value >= 0) continue;
    throw new RangeError(`Cannot combine rewards as rewards.${name} is no number from 0: ${value}`);
  }
}

function checkLevels(combine: CombineMode, names: readonly string[], levels: PerConstraint): void {
  for (const [name, level] of Object.entries(levels)) {
    if (combine !== "constraints") {
      throw new RangeError(
        `Cannot combine rewards as rewards.constraints.levels ${name} needs rewards.combine constraints: ${combine}`,
      );
    }
    if (name === names[0]) {
      throw new RangeError(
        `Cannot combine rewards as ${name} is the first of rewards.train, which is raised, and not held at a level: ${level}`,
      );
    }
    if (!names.includes(name)) {
      throw new RangeError(
        `Cannot combine rewards as ${name} of rewards.constraints.levels is none of rewards.train: ${
          names.join(", ")
        }`,
      );
    }
    if (!Number.isFinite(level)) {
      throw new RangeError(`Cannot combine rewards as the level of ${name} is not finite: ${level}`);
    }
  }
}

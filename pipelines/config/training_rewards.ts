/**
 * From the configuration's section on rewards to how several of them become one.
 *
 * @module
 */

import type { Combination } from "../../lib/stages/combine/combination.ts";
import { UsageError } from "../usage_error.ts";

/** What training raises: a reward's name or file, several, or several with their weights. */
export type TrainSetting = string | readonly string[] | Readonly<Record<string, number>>;

/** The configuration's section on rewards. */
export interface RewardsSection extends Omit<Combination, "weights"> {
  /** What training raises. */
  readonly train: TrainSetting;
  /** What is watched. */
  readonly evaluate: readonly string[];
}

/**
 * Names or files of the rewards to train on, in order.
 *
 * @throws {UsageError} If one is there twice.
 */
export function trainedNames(train: TrainSetting): readonly [string, ...string[]] {
  const names = typeof train === "string" ? [train] : isList(train) ? train : Object.keys(train);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new UsageError(
      `Cannot use rewards.train as it names a reward twice: ${twice}; a mapping gives weights`,
    );
  }
  if (names.length === 0) throw new UsageError("Cannot use rewards.train as it names no reward");
  return names as readonly string[] as readonly [string, ...string[]];
}

/** How the rewards become one, by their names or files; with one reward there is nothing to combine. */
export function combinationOf({ train, combine, constraints, worst_case }: RewardsSection): Combination {
  const weights = Object.fromEntries(
    trainedNames(train).map((name) => [name, typeof train === "string" || isList(train) ? 1 : train[name]!]),
  );
  return { combine, weights, constraints, worst_case };
}

/** The combination with its rewards called otherwise. */
export function renamedCombination(
  { weights, constraints, ...rest }: Combination,
  rename: (name: string) => string,
): Combination {
  const levels = renamedKeys(constraints.levels, rename);
  return { ...rest, weights: renamedKeys(weights, rename), constraints: { ...constraints, levels } };
}

/** The section with its rewards called otherwise. */
export function renamedRewards(section: RewardsSection, rename: (name: string) => string): RewardsSection {
  const { train, evaluate, constraints } = section;
  const renamed = typeof train === "string"
    ? rename(train)
    : isList(train)
    ? train.map(rename)
    : renamedKeys(train, rename);
  const levels = renamedKeys(constraints.levels, rename);
  return {
    ...section,
    train: renamed,
    evaluate: evaluate.map(rename),
    constraints: { ...constraints, levels },
  };
}

function renamedKeys(
  record: Readonly<Record<string, number>>,
  rename: (name: string) => string,
): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [rename(name), value]));
}

function isList(train: TrainSetting): train is readonly string[] {
  return Array.isArray(train);
}

/**
 * What came of a comparison, as numbers: `results.json`.
 *
 * @module
 */

import { estimate } from "../../lib/measures/estimate.ts";
import { type Difference, paired, welch } from "../../lib/measures/mean_difference.ts";
import { epochOf, type Run } from "../report/read_run.ts";
import { leaves, numberAt, type Tree } from "../report/tree.ts";
import { evaluatedRewards, type Step } from "./curve.ts";
import { listOf, QUANTITIES, type Quantity, rewardQuantities, type Source } from "./quantities.ts";
import type { LeftOut, ReadRun } from "./read_runs.ts";

/** How sure an interval is, for all arms of a quantity together. */
export const LEVEL = 0.95;

/** What is told of a comparison before its runs are. */
export interface Heading {
  /** What is done. */
  readonly title: string;
  /** What it is to answer; `null` where nobody asked. */
  readonly question: string | null;
  /** The command that does it again. */
  readonly command: string;
  /** The arm that the others are held against. */
  readonly reference: string;
  /** All arms, in order; those of which no run is fit are in no table. */
  readonly arms: readonly string[];
}

/** The command that makes an arm's runs; `null` where they were made otherwise. */
export type ArmCommand = (arm: string) => string | null;

/** A comparison. Only `seconds` differ where it is done again. */
export interface Results extends Heading {
  /** Whether `attune evaluate` looked at all runs, on prompts of training and others. */
  readonly evaluated: boolean;
  /** What is compared, in order. */
  readonly quantities: readonly Pick<Quantity, "key" | "label" | "doc" | "table">[];
  /** The arms that have runs. */
  readonly results: readonly ArmResult[];
  /** Runs that are not compared. */
  readonly left_out: readonly LeftOut[];
}

/** What came of an arm. */
export interface ArmResult {
  /** Its name. */
  readonly arm: string;
  /** The command that makes its runs, if there is one. */
  readonly command: string | null;
  /** The rewards that count as in domain in it. */
  readonly in_domain: readonly string[];
  /** The fields of the configuration in which arms differ, with this one's values. */
  readonly set: Readonly<Record<string, unknown>>;
  /** Its runs, one a seed. */
  readonly runs: readonly RunResult[];
  /** Each quantity over them, by its key; without those that one of them does not tell. */
  readonly values: Readonly<Record<string, Value>>;
}

/** What came of a run. */
export interface RunResult {
  /** What it is called. */
  readonly name: string;
  /** Its seed. */
  readonly seed: number | null;
  /** Epochs trained. */
  readonly epochs: number;
  /** At each evaluation. */
  readonly curve: readonly Step[];
  /** Each quantity, by its key. */
  readonly values: Readonly<Record<string, number | null>>;
}

/** A quantity over the runs of an arm. */
export interface Value {
  /** Their mean. */
  readonly mean: number;
  /** Its standard error; `null` where there is one run. */
  readonly standard_error: number | null;
  /** How many runs there are. */
  readonly count: number;
  /**
   * The reference's mean taken off, with its interval; `null` for the reference itself, where noise is not known, and where it is about
   * rewards in domain and these are others.
   */
  readonly against: Difference | null;
}

/** Sums a comparison up. */
export function resultsOf(
  heading: Heading,
  { runs, leftOut }: { readonly runs: readonly ReadRun[]; readonly leftOut: readonly LeftOut[] },
  commandOf: ArmCommand = () => null,
): Results {
  const evaluated = runs.length > 0 && runs.every(({ evaluation }) => evaluation !== null);
  const quantities = [...QUANTITIES, ...rewardQuantities(measuredIn(runs))];
  const groups = heading.arms.flatMap((arm) => {
    const own = runs.filter(({ entry }) => entry.arm === arm);
    if (own.length === 0) return [];
    const inDomain = [...new Set(own.flatMap(({ domain }) => domain.own))];
    return [{ arm, own, inDomain, results: own.map((run) => runResult(run, quantities)) }];
  });
  const varying = varyingFields(runs.map(({ run }) => run.config));
  const reference = groups.find(({ arm }) => arm === heading.reference);
  const level = 1 - (1 - LEVEL) / Math.max(groups.length - 1, 1);
  const results = groups.map(({ arm, own, inDomain, results }) => {
    const isAlike = haveSameNames(inDomain, reference?.inDomain ?? []);
    const values = quantities.flatMap(({ key, isOfOwn = false }) => {
      const found = toldBy(results, key);
      if (found.length === 0) return [];
      const { mean, standard_error } = estimate(found.map(({ value }) => value));
      const against = arm === heading.reference || isOfOwn && !isAlike
        ? null
        : differenceOf(found, toldBy(reference?.results ?? [], key), level);
      return [[key, { mean, standard_error, count: found.length, against }] as const];
    });
    const set = Object.fromEntries(varying.map((field) => [field, settingIn(own[0]!.run.config, field)]));
    return {
      arm,
      command: commandOf(arm),
      in_domain: inDomain,
      set,
      runs: results,
      values: Object.fromEntries(values),
    };
  });
  const isTold = (key: string) => results.some(({ values }) => key in values);
  return {
    ...heading,
    evaluated,
    quantities: quantities.filter(({ key }) => isTold(key))
      .map(({ key, label, doc, table }) => ({ key, label, doc, table })),
    results,
    left_out: leftOut,
  };
}

/** Whether two lists, each without repetition, name the same, in any order. */
export function haveSameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}

/** A quantity of a run. */
interface Told {
  readonly seed: number | null;
  readonly value: number;
}

/** A quantity of each run of an arm. A mean over the runs that got somewhere would tell of those alone: all tell it, or none. */
function toldBy(runs: readonly RunResult[], key: string): readonly Told[] {
  const told = runs.flatMap(({ seed, values }): Told[] => {
    const value = values[key] ?? null;
    return value === null ? [] : [{ seed, value }];
  });
  return told.length === runs.length ? told : [];
}

/** How two arms differ: seed by seed where they have the same ones, as runs of one seed draw the same prompts and noise. */
function differenceOf(arm: readonly Told[], reference: readonly Told[], level: number): Difference | null {
  const values = arm.map(({ value }) => value);
  const bySeed = new Map(reference.map(({ seed, value }) => [seed, value]));
  const seeds = new Set(arm.map(({ seed }) => seed));
  const arePairs = !seeds.has(null) && arm.length === reference.length && seeds.size === arm.length &&
    bySeed.size === reference.length && arm.every(({ seed }) => bySeed.has(seed));
  return arePairs
    ? paired(values, arm.map(({ seed }) => bySeed.get(seed)!), level)
    : welch(values, reference.map(({ value }) => value), level);
}

/** The fields in which configurations differ, `seed` left out. */
export function varyingFields(configs: readonly Tree[]): readonly string[] {
  const all = configs.map((config) => new Map(leaves(config).map(([name, v]) => [name, JSON.stringify(v)])));
  const names = new Set(all.flatMap((fields) => [...fields.keys()]));
  names.delete("seed");
  return [...names].filter((name) => all.some((fields) => fields.get(name) !== all[0]!.get(name)));
}

/** The value of a dotted field; `undefined` where it is absent. */
export function settingIn(config: Tree, field: string): unknown {
  return leaves(config).find(([name]) => name === field)?.[1];
}

function runResult(
  { entry, run, curve, domain, evaluation }: ReadRun,
  quantities: readonly Quantity[],
): RunResult {
  const source: Source = {
    run,
    curve,
    domain,
    seen: listOf(evaluation, true),
    unseen: listOf(evaluation, false),
  };
  return {
    name: entry.name,
    seed: numberAt(run.config, "seed") ?? null,
    epochs: epochsOf(run),
    curve,
    values: Object.fromEntries(quantities.map(({ key, of }) => [key, of(source)])),
  };
}

function epochsOf({ lines }: Run): number {
  return epochOf(lines.at(-1)!);
}

/** The names of all rewards that any run measured. */
function measuredIn(runs: readonly ReadRun[]): readonly string[] {
  return [
    ...new Set(runs.flatMap(({ run, evaluation }) => {
      return [
        ...evaluatedRewards(run).map(({ name }) => name),
        ...Object.keys(listOf(evaluation, true)?.rewards ?? {}),
      ];
    })),
  ];
}

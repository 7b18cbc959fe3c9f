/**
 * Reads the runs of a comparison; those that cannot stand beside the others are left out, each with the reason.
 *
 * @module
 */

import type { Evaluation } from "../evaluate/evaluation.ts";
import { readEvaluation } from "../evaluate/read_evaluation.ts";
import { firstDifference } from "../run/first_difference.ts";
import { VERSION } from "../run/manifest.ts";
import { shortHash } from "../run/origin.ts";
import { type Point, trainedRewards } from "../report/measure.ts";
import { readRun, type Run } from "../report/read_run.ts";
import { at, textAt } from "../report/tree.ts";
import { curveOf, evaluatedRewards, type RunDomain, type Step } from "./curve.ts";
import { listOf } from "./quantities.ts";

/** A run that is to be compared. */
export interface Entry {
  /** Its folder. */
  readonly folder: string;
  /** What it is called. */
  readonly name: string;
  /** The arm that it belongs to. */
  readonly arm: string;
}

/** A run that is compared. */
export interface ReadRun {
  /** What was asked for. */
  readonly entry: Entry;
  /** All that was found of it. */
  readonly run: Run;
  /** Which rewards count as what. */
  readonly domain: RunDomain;
  /** Its curve. */
  readonly curve: readonly Step[];
  /** What `attune evaluate` found; `null` where it did not look at all runs on the same prompts, some of training's among them. */
  readonly evaluation: Evaluation | null;
}

/** A run that is not compared. */
export interface LeftOut {
  /** What it is called. */
  readonly name: string;
  /** Why, to stand behind `as`. */
  readonly why: string;
}

/** What counts, and what must agree. */
export interface ReadOptions {
  /** Rewards that count as in domain; `null`: those that each run was trained on. */
  readonly inDomain: readonly string[] | null;
  /** Rewards that count as out of domain, where they are in domain of no run; `null`: all that every run evaluated. */
  readonly outOfDomain: readonly string[] | null;
  /** Whether runs may be of models of different names, as in an experiment on models. */
  readonly mixesModels: boolean;
}

/** Reads runs in their order; the first that is fit to be compared says what the others must agree with. */
export async function readRuns(
  entries: readonly Entry[],
  options: ReadOptions,
): Promise<{ readonly runs: readonly ReadRun[]; readonly leftOut: readonly LeftOut[] }> {
  const found = await Promise.all(
    entries.map(async (entry) => ({ entry, run: await readRun(entry.folder) })),
  );
  const leftOut: LeftOut[] = [];
  const fit: typeof found = [];
  for (const each of found) {
    const why = reasonAgainst(each.run, options) ??
      reasonBeside(each.run, fit.map(({ run }) => run), options);
    if (why === null) fit.push(each);
    else leftOut.push({ name: each.entry.name, why });
  }
  const inDomain = new Set(fit.flatMap(({ run }) => inDomainOf(run, options)));
  const watched = options.outOfDomain ?? measuredByAll(fit.map(({ run }) => run));
  const others = watched.filter((name) => !inDomain.has(name));
  if (others.length === 0) {
    return {
      runs: [],
      leftOut: [...leftOut, ...fit.map(({ entry: { name } }) => ({ name, why: NO_PRICE }))],
    };
  }
  const evaluations = await Promise.all(fit.map(({ run }) => readEvaluation(run.folder)));
  const areEvaluated = evaluations.every((each) =>
    each !== null && listOf(each, true) !== null &&
    firstDifference(imagesOf(each), imagesOf(evaluations[0]!)) === null
  );
  const runs = fit.map(({ entry, run }, i): ReadRun => {
    const domain = { own: inDomainOf(run, options), others };
    return {
      entry,
      run,
      domain,
      curve: curveOf(run, domain),
      evaluation: areEvaluated ? evaluations[i]! : null,
    };
  });
  return { runs, leftOut };
}

const NO_PRICE = "no reward was watched by all runs and trained on by none";

/** The rewards that count as in domain in a run. */
function inDomainOf(run: Run, { inDomain }: Pick<ReadOptions, "inDomain">): readonly string[] {
  return inDomain ?? trainedRewards(run);
}

/** The rewards that every run measured. */
function measuredByAll(runs: readonly Run[]): readonly string[] {
  const [first = [], ...rest] = runs.map((run) => evaluatedRewards(run).map(({ name }) => name));
  return first.filter((name) => rest.every((names) => names.includes(name)));
}

/** Why a run tells nothing of gain and price; `null`: it does. */
function reasonAgainst(run: Run, options: ReadOptions): string | null {
  const { manifest, config, lines } = run;
  if (lines.length === 0 || Object.keys(config).length === 0) return "it is no run";
  const version = textAt(manifest, "versions", "attune");
  if (version !== VERSION) {
    return `it was written by version ${version ?? "unknown"}: this is ${VERSION}`;
  }
  const rewards = evaluatedRewards(run);
  if (rewards.every(({ points }) => points.length < 2)) {
    return "it takes two evaluations: the base model’s and a later one";
  }
  const measured = rewards.map(({ name }) => name);
  const own = inDomainOf(run, options);
  const missing = [...own, ...options.outOfDomain ?? []].filter((name) => !measured.includes(name));
  if (missing.length > 0) return `it did not measure ${missing.join(", ")}`;
  return measured.every((name) => own.includes(name)) ? "no reward was only watched" : null;
}

/** Why a run cannot stand beside others; `null`: it can. */
function reasonBeside(
  run: Run,
  others: readonly Run[],
  { mixesModels }: Pick<ReadOptions, "mixesModels">,
): string | null {
  const { config } = run;
  const first = others.find((other) =>
    !mixesModels || textAt(other.config, "model") === textAt(config, "model")
  );
  if (first === undefined) return null;
  const [mine, theirs] = [run, first].map(({ manifest }) => textAt(manifest, "model", "hash") ?? "unknown");
  if (mine !== theirs && !drawTheSame(run, first)) {
    return `it is of another model: weights of the hash ${shortHash(mine!)}, not ${
      shortHash(theirs!)
    } as ${first.name}`;
  }
  const galleries = [run, first].map(({ manifest, config }) => ({
    prompts: at(manifest, "prompts", "evaluate"),
    seeds: at(config, "evaluate", "seeds"),
  }));
  return firstDifference(galleries[0], galleries[1]) === null
    ? null
    : `it was evaluated on other prompts or seeds than ${first.name}`;
}

/**
 * Whether the base models of two runs draw images of the same scores. Hashes differ too where runs read the files of other
 * rewards; the same prompts and seeds tell models apart whatever was read.
 */
function drawTheSame(a: Run, b: Run): boolean {
  const bases = [a, b].map((run) =>
    new Map(evaluatedRewards(run).map(({ name, points }) => [name, points[0]!]))
  ) as [Map<string, Point>, Map<string, Point>];
  const common = [...bases[0]].flatMap(([name, point]) => {
    const other = bases[1].get(name);
    return other === undefined ? [] : [[point, other] as const];
  });
  return common.length > 0 &&
    common.every(([x, y]) => Math.abs(x.mean - y.mean) <= SAME_SHARE * Math.min(x.std, y.std));
}

/** How far the means of the same images may be apart, in their deviations, as adapters round otherwise. */
const SAME_SHARE = 0.01;

/** What an evaluation looked at; how it is drawn is each run's own, as it was in training. */
function imagesOf({ seeds, judge, lists }: Evaluation): unknown {
  return { seeds, judge, lists: lists.map(({ prompts }) => prompts) };
}

/**
 * Reads the runs of a comparison; those that cannot stand beside the others are left out, each with the reason.
 *
 * @module
 */

import { join } from "node:path";
import { isRecord } from "../config/tree.ts";
import { exists, readJson } from "../files.ts";
import { firstDifference } from "../run/first_difference.ts";
import { VERSION } from "../run/manifest.ts";
import { shortHash } from "../run/origin.ts";
import { type Point, trainedRewards } from "../report/measure.ts";
import { readRun, type Run } from "../report/read_run.ts";
import { at, textAt, type Tree } from "../report/tree.ts";
import { curveOf, evaluatedRewards, type RunDomain, type Step } from "./curve.ts";

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
  /** Its curve, of at least two steps. */
  readonly curve: readonly Step[];
  /** `evaluation.json`; `null` where not all runs have one of the same images. */
  readonly evaluation: Tree | null;
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
  /** Rewards that count as out of domain; `null`: those that all runs evaluated and that are not in domain. */
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
    const why = reasonAgainst(each.run, fit.map(({ run }) => run), options.mixesModels);
    if (why === null) fit.push(each);
    else leftOut.push({ name: each.entry.name, why });
  }
  const common = fit.map(({ run }) => evaluatedRewards(run).map(({ name }) => name))
    .reduce((common, names, i) => i === 0 ? names : common.filter((name) => names.includes(name)), []);
  const evaluations = await Promise.all(fit.map(({ run }) => readEvaluation(run)));
  const areEvaluated = evaluations.every((each) =>
    each !== null && firstDifference(imagesOf(each), imagesOf(evaluations[0]!)) === null
  );
  const runs = fit.flatMap(({ entry, run }, i) => {
    const own = options.inDomain ?? trainedRewards(run);
    const others = (options.outOfDomain ?? common).filter((name) => !own.includes(name));
    const curve = curveOf(run, { own, others });
    const evaluation = areEvaluated ? evaluations[i]! : null;
    if (curve.length > 1) return [{ entry, run, domain: { own, others }, curve, evaluation }];
    leftOut.push({ name: entry.name, why: whyNoCurve(run, own, others) });
    return [];
  });
  return { runs, leftOut };
}

/** Why a run cannot stand beside others; `null`: it can. */
function reasonAgainst(run: Run, others: readonly Run[], mixesModels: boolean): string | null {
  const { manifest, config, lines } = run;
  if (lines.length === 0 || Object.keys(config).length === 0) return "it is no run";
  const version = textAt(manifest, "versions", "attune");
  if (version !== VERSION) {
    return `it was written by version ${version ?? "unknown"}: this is ${VERSION}`;
  }
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

function whyNoCurve(run: Run, own: readonly string[], others: readonly string[]): string {
  const measured = evaluatedRewards(run).map(({ name }) => name);
  const missing = [...own, ...others].filter((name) => !measured.includes(name));
  if (others.length === 0) return "no reward was only watched";
  return missing.length > 0 && measured.length > 0
    ? `it did not measure ${missing.join(", ")}`
    : "it takes two evaluations: the base model’s and a later one";
}

async function readEvaluation({ folder }: Run): Promise<Tree | null> {
  const path = join(folder, "evaluation.json");
  if (!await exists(path)) return null;
  const found = await readJson(path);
  return isRecord(found) && found.lora !== null ? found : null;
}

/** What an evaluation looked at; how it is drawn is each run's own, as it was in training. */
function imagesOf(evaluation: Tree): unknown {
  const lists = at(evaluation, "lists");
  return {
    seeds: evaluation.seeds,
    judge: evaluation.judge,
    lists: Array.isArray(lists) ? lists.map((list) => at(list, "prompts")) : [],
  };
}

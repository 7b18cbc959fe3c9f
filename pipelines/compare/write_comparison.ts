/**
 * Writes a comparison: `results.json`, and `report.html` from it and the runs' images.
 *
 * @module
 */

import { join } from "node:path";
import { makeFolder, writeAtomically } from "../files.ts";
import { presentedOf } from "../report/guard_marks.ts";
import { readPictures } from "../report/images.ts";
import type { EpochFile, Run } from "../report/read_run.ts";
import { comparisonPage, type Grid } from "./page.ts";
import { type Entry, type LeftOut, type ReadOptions, type ReadRun, readRuns } from "./read_runs.ts";
import { type ArmCommand, type Heading, type Results, resultsOf } from "./results.ts";

/** A comparison that is asked for. */
export interface ComparisonRequest extends ReadOptions {
  /** What is told of it. */
  readonly heading: Heading;
  /** Its runs. */
  readonly entries: readonly Entry[];
  /** Runs that are known not to be fit. */
  readonly leftOut?: readonly LeftOut[];
  /** The command that makes an arm's runs. */
  readonly commandOf?: ArmCommand;
  /** The folder that it is written to. */
  readonly folder: string;
}

/**
 * Compares runs and writes what came of it.
 *
 * @returns The numbers, and the page's path.
 * @throws {Error} If something cannot be written.
 */
export async function writeComparison(
  { heading, entries, leftOut = [], commandOf, folder, ...options }: ComparisonRequest,
): Promise<{ readonly results: Results; readonly page: string }> {
  const read = await readRuns(entries, options);
  const results = resultsOf(heading, { ...read, leftOut: [...leftOut, ...read.leftOut] }, commandOf);
  await makeFolder(folder);
  await writeAtomically(join(folder, "results.json"), `${JSON.stringify(results, null, 2)}\n`);
  const page = join(folder, "report.html");
  await writeAtomically(page, comparisonPage(results, await gridsOf(heading.arms, read.runs)));
  return { results, page };
}

/** The base model's grid, and of each arm's first run the one that was drawn nearest to the model that stands for it. */
async function gridsOf(arms: readonly string[], runs: readonly ReadRun[]): Promise<readonly Grid[]> {
  const firsts = arms.flatMap((arm) => runs.find(({ entry }) => entry.arm === arm) ?? []);
  const base = firsts[0]?.run.images.find(({ epoch }) => epoch === 0);
  const files = [
    ...base === undefined ? [] : [{ ...base, label: "base model" }],
    ...firsts.flatMap(({ entry, run }) => {
      const grid = nearestGrid(run);
      return grid === undefined ? [] : [{ ...grid, label: `${entry.arm}, epoch ${grid.epoch}` }];
    }),
  ];
  const { pictures, damaged } = await readPictures(files);
  const labels = files.filter(({ path }) => !damaged.includes(path)).map(({ label }) => label);
  return pictures.map((picture, i) => ({ ...picture, label: labels[i]! }));
}

/** Runs draw no grid of their own for the checkpoint that they are rolled back to. */
function nearestGrid(run: Run): EpochFile | undefined {
  const trained = run.images.filter(({ epoch }) => epoch > 0);
  const stands = presentedOf(run)?.epoch ?? trained.at(-1)?.epoch ?? 0;
  return trained.toSorted((a, b) => Math.abs(a.epoch - stands) - Math.abs(b.epoch - stands))[0];
}

/**
 * `attune report`: what a run did, on one page that needs nothing beside it.
 *
 * @module
 */

import { join, relative } from "node:path";
import { readArguments } from "./arguments.ts";
import { exists, writeAtomically } from "./files.ts";
import { fromCaller } from "./paths.ts";
import { pickEvenly, readPictures } from "./report/images.ts";
import { reportPage } from "./report/page.ts";
import { readRun } from "./report/read_run.ts";
import { RUNS } from "./run/run_folder.ts";
import { UsageError } from "./usage_error.ts";

const HELP = `Draws the report of a run: its images, curves and settings in one file, report.html.

Usage: attune report [RUN]

  RUN     the run's folder; without it, the latest below runs/
  --help  print this

A run may be going on or cut short: the report tells what there is.`;

/** How many grids of images a report shows. */
const GRIDS = 4;

/** A folder with none of these is no run. */
const MARKS: readonly string[] = ["metrics.jsonl", "config.yaml", "manifest.json"];

/**
 * Runs the task.
 *
 * @param args Its arguments, without the name of the task.
 * @returns The exit code.
 * @throws {UsageError} If there is no such run.
 */
export async function run(args: readonly string[]): Promise<number> {
  const { help, words: [folder] } = readArguments(args, { words: 1 });
  if (help) {
    console.log(HELP);
    return 0;
  }
  const path = await writeReport(folder === undefined ? await latestRun() : fromCaller(folder));
  console.log(relative(fromCaller("."), path));
  return 0;
}

/**
 * Writes a run's `report.html`; what the run lacks, the report names.
 *
 * @param runFolder The run's folder.
 * @returns The report's path.
 * @throws {UsageError} If the folder holds no run.
 * @throws {Error} If the report cannot be written.
 */
export async function writeReport(runFolder: string): Promise<string> {
  if (!await isRun(runFolder)) {
    throw new UsageError(`Cannot report on ${runFolder} as it is no run: it has none of ${MARKS.join(", ")}`);
  }
  const run = await readRun(runFolder);
  const pictures = await readPictures(pickEvenly(run.images, GRIDS));
  const path = join(runFolder, "report.html");
  await writeAtomically(path, reportPage(run, pictures));
  return path;
}

async function isRun(folder: string): Promise<boolean> {
  const found = await Promise.all(MARKS.map((name) => exists(join(folder, name))));
  return found.includes(true);
}

/** The run that was written to last. */
async function latestRun(): Promise<string> {
  const entries = await exists(RUNS) ? await Array.fromAsync(Deno.readDir(RUNS)) : [];
  const runs = await Promise.all(
    entries.filter(({ isDirectory }) => isDirectory).map(async ({ name }) => {
      const times = await Promise.all(MARKS.map((mark) => changedAt(join(RUNS, name, mark))));
      return { folder: join(RUNS, name), time: Math.max(...times) };
    }),
  );
  const latest = runs.filter(({ time }) => time > -Infinity).sort((a, b) => b.time - a.time)[0];
  if (latest === undefined) throw new UsageError(`Cannot report as there is no run below ${RUNS}: name one`);
  return latest.folder;
}

async function changedAt(path: string): Promise<number> {
  const file = await Deno.stat(path).catch(() => null);
  return file?.mtime?.getTime() ?? -Infinity;
}

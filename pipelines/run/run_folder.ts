/**
 * The folder of a run: made, found again, cut back to an epoch, and written epoch by epoch.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { encodePng } from "../../lib/io/png.ts";
import { eventFileStart, imageEvent, scalarEvent } from "../../lib/io/tfevents.ts";
import { eventsUpTo } from "../../lib/io/tfevents_cut.ts";
import { exists, makeFolder, readJson, writeAtomically } from "../files.ts";
import { UsageError } from "../usage_error.ts";
import { listCheckpoints } from "./checkpoint.ts";
import { epochName, epochOfName } from "./epoch_name.ts";
import type { EpochRecord } from "./epochs.ts";
import type { AllScores } from "./evaluate_all.ts";
import { appendMetrics, cutMetrics, flatMetrics } from "./metrics_file.ts";

/** Where runs and experiments go that are given no place. */
export const RUNS: string = fileURLToPath(new URL("../../runs", import.meta.url));

/** Where the parts of a run are. */
export interface RunFolder {
  /** The folder itself. */
  readonly path: string;
  /** The configuration, resolved. */
  readonly config: string;
  /** What it ran on and with. */
  readonly manifest: string;
  /** See `metrics_file.ts`. */
  readonly metrics: string;
  /** TensorBoard's. */
  readonly events: string;
  /** A grid an epoch. */
  readonly images: string;
  /** The scores of single images. */
  readonly evaluations: string;
  /** See `checkpoint.ts`. */
  readonly checkpoints: string;
}

/** Tells where the parts of a run are. */
export function runFolder(path: string): RunFolder {
  return {
    path,
    config: join(path, "config.yaml"),
    manifest: join(path, "manifest.json"),
    metrics: join(path, "metrics.jsonl"),
    events: join(path, "events.out.tfevents.attune"),
    images: join(path, "images"),
    evaluations: join(path, "evaluations"),
    checkpoints: join(path, "checkpoints"),
  };
}

/**
 * Makes an empty folder for a run.
 *
 * @throws {UsageError} If it holds something, or is a file.
 * @throws {Error} If it cannot be made.
 */
export async function makeRunFolder(path: string): Promise<RunFolder> {
  const found = await Deno.stat(path).catch(() => null);
  if (found?.isFile) {
    throw new UsageError(
      `Cannot write the run as there is a file of this name: ${path}; choose another --out`,
    );
  }
  if (found !== null && !await isEmpty(path)) {
    throw new UsageError(
      `Cannot write the run as the folder is not empty: ${path}; go on with --resume, or choose another --out`,
    );
  }
  await makeFolder(path);
  return runFolder(path);
}

/** Makes the next numbered folder below another: `0001`, `0002`, … */
export async function makeNumberedFolder(below: string): Promise<RunFolder> {
  await makeFolder(below);
  const entries = await Array.fromAsync(Deno.readDir(below));
  const last = Math.max(0, ...entries.map(({ name }) => /^\d+$/.test(name) ? Number(name) : 0));
  for (let number = last + 1;; number++) {
    const path = join(below, String(number).padStart(4, "0"));
    // Another run may take the number at the same moment.
    try {
      await Deno.mkdir(path);
      return runFolder(path);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.AlreadyExists)) throw cannotWrite(path, cause);
    }
  }
}

/** A run to go on with. */
export interface Found {
  /** Its folder. */
  readonly folder: RunFolder;
  /** The folder of the checkpoint to go on from; `null` if the run has none yet. */
  readonly checkpoint: string | null;
}

/**
 * Finds a run by its folder, or by one of its checkpoints; the folder alone stands for its last checkpoint.
 *
 * @throws {UsageError} If there is no run.
 */
export async function findRun(path: string): Promise<Found> {
  if (await exists(runFolder(path).config)) {
    const folder = runFolder(path);
    const last = (await listCheckpoints(folder.checkpoints)).at(-1);
    return { folder, checkpoint: last === undefined ? null : join(folder.checkpoints, epochName(last)) };
  }
  const folder = runFolder(dirname(dirname(path)));
  const isCheckpoint = basename(dirname(path)) === basename(folder.checkpoints);
  if (isCheckpoint && await exists(path) && await exists(folder.config)) return { folder, checkpoint: path };
  throw new UsageError(`Cannot resume as the folder is no run: ${path} has no config.yaml`);
}

/** Removes all that a run wrote after an epoch; before the first, everything that epochs write. */
export async function cutRun(folder: RunFolder, epoch: number): Promise<void> {
  if (await exists(folder.metrics)) await cutMetrics(folder.metrics, epoch);
  if (await exists(folder.events)) {
    await writeAtomically(folder.events, eventsUpTo(await Deno.readFile(folder.events), epoch));
  }
  for (const below of [folder.images, folder.evaluations, folder.checkpoints]) {
    if (!await exists(below)) continue;
    for await (const { name } of Deno.readDir(below)) {
      const found = epochOfName(name);
      if (found !== null && (found > epoch || name.endsWith(".part"))) {
        await Deno.remove(join(below, name), { recursive: true });
      }
    }
  }
}

/**
 * Writes what there is to keep of an epoch, its line in the metrics last.
 *
 * @param time Seconds since 1970, for TensorBoard.
 * @throws {Error} If something cannot be written; the message names it.
 */
export async function writeEpoch(folder: RunFolder, record: EpochRecord, time: number): Promise<void> {
  const { metrics, grid, scores } = record;
  const name = epochName(metrics.epoch);
  const at = { time, step: metrics.epoch };
  const { epoch: _epoch, ...numbers } = metrics;
  const events = [scalarEvent(at, flatMetrics(numbers))];
  if (grid !== null) {
    const png = encodePng(grid);
    events.push(imageEvent(at, "images", { width: grid.width, height: grid.height, png }));
    await named(`${folder.images}/${name}.png`, async (path) => {
      await Deno.mkdir(folder.images, { recursive: true });
      await writeAtomically(path, png);
    });
  }
  if (scores !== null) {
    await named(`${folder.evaluations}/${name}.json`, async (path) => {
      await Deno.mkdir(folder.evaluations, { recursive: true });
      await writeAtomically(path, `${JSON.stringify(scores)}\n`);
    });
  }
  await named(folder.events, async (path) => {
    const start = await exists(path) ? [] : [eventFileStart(time)];
    for (const event of [...start, ...events]) await Deno.writeFile(path, event, { append: true });
  });
  await named(folder.metrics, (path) => appendMetrics(path, metrics));
}

/** The scores of the images of the base model, or `null` where the run has none. */
export async function readBaseScores(folder: RunFolder): Promise<AllScores | null> {
  const path = join(folder.evaluations, `${epochName(0)}.json`);
  return await exists(path) ? await readJson(path) as AllScores : null;
}

async function isEmpty(path: string): Promise<boolean> {
  for await (const _entry of Deno.readDir(path)) return false;
  return true;
}

/** Writes a file so that an error names it. */
async function named(path: string, write: (path: string) => Promise<void>): Promise<void> {
  try {
    await write(path);
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
}

function cannotWrite(path: string, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : String(cause);
  return why.startsWith("Cannot write ")
    ? cause as Error
    : new Error(`Cannot write ${path}: ${why}`, { cause });
}

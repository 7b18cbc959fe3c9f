/**
 * How the guard ended a run: kept in the last line of its metrics, so that it goes when the run goes on.
 *
 * @module
 */

import { join } from "node:path";
import type { BestEpoch } from "../../lib/measures/best_epoch.ts";
import type { Verdict } from "../../lib/measures/guard.ts";
import { exists, readText } from "../files.ts";
import { epochName } from "./epoch_name.ts";
import { markLast } from "./metrics_file.ts";
import { findRun } from "./run_folder.ts";

/** An end that the guard made. */
export interface Ending {
  /** What was done. */
  readonly action: "rollback" | "stop";
  /** What had gone wrong, at least one. */
  readonly verdicts: readonly Verdict[];
  /** The best of the checkpoints; `null` where none was evaluated. */
  readonly best: BestEpoch | null;
}

/** Keeps how a run ended. */
export async function writeEnding(metrics: string, ending: Ending): Promise<void> {
  await markLast(metrics, { guard: ending });
}

/** Forgets how a run ended, as it goes on. */
export async function clearEnding(metrics: string): Promise<void> {
  if (await readEnding(metrics) !== null) await markLast(metrics, { guard: undefined });
}

/** How the guard ended a run, or `null` where it did not, or the run has gone on since. */
export async function readEnding(metrics: string): Promise<Ending | null> {
  return endingIn(await lastLine(metrics));
}

/** The epoch that the guard ended a run after, or `null` as {@linkcode readEnding}. */
export async function endedAfter(metrics: string): Promise<number | null> {
  const line = await lastLine(metrics);
  return endingIn(line) === null ? null : line?.epoch ?? null;
}

/** The last line of a run's metrics; nothing where there is none that can be read. */
async function lastLine(
  metrics: string,
): Promise<{ readonly epoch?: number; readonly guard?: unknown } | undefined> {
  if (!await exists(metrics)) return undefined;
  const last = (await readText(metrics)).trimEnd().split("\n").at(-1)!;
  try {
    return JSON.parse(last);
  } catch {
    return undefined;
  }
}

/** What a line of the metrics says of an end; `null` where it says nothing. */
export function endingIn(line: { readonly guard?: unknown } | undefined): Ending | null {
  const found = line?.guard as Partial<Ending> | undefined;
  return Array.isArray(found?.verdicts) ? found as Ending : null;
}

/** The epoch whose checkpoint stands for a run that was rolled back; `null` where the last one stands for it. */
export function rolledBackTo(ending: Ending | null): number | null {
  return ending?.action === "rollback" ? ending.best?.epoch ?? null : null;
}

/**
 * The checkpoint that stands for a run: its last, or after a rollback its best.
 *
 * @param path The run's folder, or one of its checkpoints, which stands for itself.
 * @returns The checkpoint's folder; `null` if there is none.
 * @throws {UsageError} If there is no run.
 */
export async function presentedCheckpoint(path: string): Promise<string | null> {
  const { folder, checkpoint } = await findRun(path);
  if (folder.path !== path) return checkpoint;
  const epoch = rolledBackTo(await readEnding(folder.metrics));
  if (epoch === null) return checkpoint;
  const best = join(folder.checkpoints, epochName(epoch));
  return await exists(best) ? best : checkpoint;
}

/** Says how a run ended, in sentences. */
export function tellEnding({ action, verdicts, best }: Ending, epoch: number): readonly string[] {
  return [
    `The guard ended the run after epoch ${epoch}: ${verdicts.map(({ message }) => message).join("; and ")}.`,
    best === null
      ? "None of its checkpoints was evaluated, so none is its best."
      : `Its best checkpoint is that of epoch ${best.epoch}, with a net gain of ${best.net_gain.toFixed(2)}${
        best.net_gain < 0 ? ": the base model is better" : ""
      }.${action === "rollback" ? " Other tasks take it for the run." : ""}`,
  ];
}

/** The options with which `train --resume` goes on in spite of what was found. */
export function optionsToGoOn({ verdicts }: Pick<Ending, "verdicts">): string {
  const kinds = [...new Set(verdicts.map(({ kind }) => kind))];
  return kinds.includes("non_finite")
    ? "--set guard.action=none"
    : kinds.map((kind) => `--set guard.${kind}=null`).join(" ");
}

/**
 * How far a cell has come, by what is in its folder; nothing about it lives anywhere else.
 *
 * @module
 */

import { type Config, readConfig, showConfig } from "../config/mod.ts";
import { readEvaluation } from "../evaluate/read_evaluation.ts";
import { exists, makeFolder, writeAtomically } from "../files.ts";
import { readPrompts } from "../prompts.ts";
import { listCheckpoints } from "../run/checkpoint.ts";
import { endedAfter } from "../run/ending.ts";
import { firstDifference } from "../run/first_difference.ts";
import { withFullPaths } from "../run/request.ts";
import { runFolder } from "../run/run_folder.ts";
import { UsageError } from "../usage_error.ts";
import type { Cell } from "./read_experiment.ts";
import type { EvaluationSettings } from "./schema.ts";

/** What is done of a cell. */
export type CellState = "new" | "begun" | "trained" | "finished";

/**
 * Tells how far a cell has come.
 *
 * @param folder The cell's.
 * @throws {UsageError} If the folder is of a run with another configuration, or of a longer one; the message names what differs.
 */
export async function stateOfCell(
  { name, config }: Cell,
  folder: string,
  evaluation: EvaluationSettings,
): Promise<CellState> {
  const run = runFolder(folder);
  if (!await exists(run.config)) return "new";
  const found = await readConfig({ config: run.config });
  const other = firstDifference(asRun(found), asRun(await withFullPaths(config)));
  if (other !== null) {
    const [field, there, here] = other;
    throw new UsageError(
      `Cannot go on with ${name} as ${field} is ${there} in its folder and ${here} in the experiment: remove ` +
        `${folder}, or choose another --out`,
    );
  }
  const last = await lastCheckpoint(folder);
  if (last > config.num_epochs) {
    throw new UsageError(
      `Cannot go on with ${name} as it has ${last} epochs in its folder and num_epochs is ${config.num_epochs} in the ` +
        `experiment: remove ${folder}, or choose another --out`,
    );
  }
  const isJudgedAlike = firstDifference(found.guard, config.guard) === null;
  if (last < config.num_epochs && !(isJudgedAlike && await hasEnded(folder, last))) return "begun";
  return await isEvaluated(folder, evaluation) ? "finished" : "trained";
}

/** Whether a run is at its end: that of its configuration, or one that the guard made. */
export async function isTrained(folder: string, { num_epochs }: Config): Promise<boolean> {
  const last = await lastCheckpoint(folder);
  return last >= num_epochs || await hasEnded(folder, last);
}

/** The epoch of a run's last checkpoint; 0: there is none. */
async function lastCheckpoint(folder: string): Promise<number> {
  return (await listCheckpoints(runFolder(folder).checkpoints)).at(-1) ?? 0;
}

/** Whether the guard has ended a run, and its last checkpoint is of the epoch that it was ended after. */
async function hasEnded(folder: string, last: number): Promise<boolean> {
  return await endedAfter(runFolder(folder).metrics) === last;
}

/** Prepares a cell's folder so that `train --resume` goes on with it, from the beginning where it is new. */
export async function prepareCell({ config }: Cell, folder: string): Promise<void> {
  await makeFolder(folder);
  await writeAtomically(runFolder(folder).config, showConfig(await withFullPaths(config)));
}

/** What a run depends on: how long it goes on, how often it is saved and what the guard lets pass may change in between. */
function asRun({ num_epochs: _epochs, save_freq: _saves, guard: _guard, ...rest }: Config): Partial<Config> {
  return rest;
}

/** Whether the folder has the evaluation that is asked for. */
async function isEvaluated(
  folder: string,
  { prompts, seeds, rewards, judge }: EvaluationSettings,
): Promise<boolean> {
  const found = await readEvaluation(folder);
  if (found === null) return false;
  const lists = await Promise.all(prompts.map(async (name) => [...new Set(await readPrompts(name))]));
  const wanted = { lists, seeds: seedList(seeds), rewards, judge };
  const there = {
    lists: found.lists.map(({ prompts }) => prompts),
    seeds: found.seeds,
    rewards: found.rewards,
    judge: found.judge,
  };
  return firstDifference(there, wanted) === null;
}

/** The seeds from 0 on. */
function seedList(count: number): readonly number[] {
  return Array.from({ length: count }, (_, seed) => seed);
}

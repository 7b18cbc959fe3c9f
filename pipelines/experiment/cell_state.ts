/**
 * How far a cell has come, by what is in its folder; nothing about it lives anywhere else.
 *
 * @module
 */

import { join } from "node:path";
import { type Config, readConfig, showConfig } from "../config/mod.ts";
import type { Evaluation } from "../evaluate/evaluation.ts";
import { exists, makeFolder, readJson, writeAtomically } from "../files.ts";
import { readPolicyFile } from "../policy_file.ts";
import { readPrompts } from "../prompts.ts";
import { listCheckpoints } from "../run/checkpoint.ts";
import { readEnding } from "../run/ending.ts";
import { firstDifference } from "../run/first_difference.ts";
import { withFullPaths } from "../run/request.ts";
import { runFolder } from "../run/run_folder.ts";
import { UsageError } from "../usage_error.ts";
import type { Cell } from "./read_experiment.ts";
import type { EvaluationSettings } from "./schema.ts";

/** What is done of a cell. */
export type CellState = "new" | "begun" | "trained" | "finished";

/** The file that `attune evaluate` leaves in a run's folder. */
export const EVALUATION_FILE = "evaluation.json";

/**
 * Tells how far a cell has come.
 *
 * @param folder The cell's.
 * @throws {UsageError} If the folder is of a run with another configuration; the message names what differs.
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
  if (!await isTrained(folder, config)) return "begun";
  return await isEvaluated(folder, evaluation) ? "finished" : "trained";
}

/** Whether a run is at its end: that of its configuration, or one that the guard made. */
export async function isTrained(folder: string, { num_epochs }: Config): Promise<boolean> {
  const { checkpoints, metrics } = runFolder(folder);
  const last = (await listCheckpoints(checkpoints)).at(-1) ?? 0;
  return last >= num_epochs || await readEnding(metrics) !== null;
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

/** Whether the folder has the evaluation that is asked for, of the policy that it stands for. */
async function isEvaluated(
  folder: string,
  { prompts, seeds, rewards, judge }: EvaluationSettings,
): Promise<boolean> {
  const path = join(folder, EVALUATION_FILE);
  if (!await exists(path)) return false;
  const found = await readJson(path) as Evaluation;
  const lists = await Promise.all(prompts.map(async (name) => [...new Set(await readPrompts(name))]));
  const wanted = { lists, seeds: seedList(seeds), judge, hash: (await readPolicyFile(folder)).hash };
  const there = {
    lists: found.lists.map(({ prompts }) => prompts),
    seeds: found.seeds,
    judge: found.judge,
    hash: found.lora?.hash,
  };
  const measured = Object.keys(found.lists[0]?.rewards ?? {});
  return firstDifference(there, wanted) === null &&
    (rewards === null || rewards.length === measured.length);
}

/** The seeds from 0 on. */
function seedList(count: number): readonly number[] {
  return Array.from({ length: count }, (_, seed) => seed);
}

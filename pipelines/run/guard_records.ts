/**
 * What the guard knows of a run: its metrics and the scores of its evaluations, as they come or as they were written.
 *
 * @module
 */

import { join } from "node:path";
import type { GuardRecord } from "../../lib/measures/guard.ts";
import { exists, readJson, readText } from "../files.ts";
import { epochName } from "./epoch_name.ts";
import type { EpochRecord, RunMetrics } from "./epochs.ts";
import type { Scores } from "./evaluation.ts";
import type { RunFolder } from "./run_folder.ts";

/** What the guard knows of an epoch. */
export function guardRecord({ metrics, scores }: Pick<EpochRecord, "metrics" | "scores">): GuardRecord {
  const { epoch, grad_norm, evaluation } = metrics;
  const { kl_to_base: klToBase } = evaluation ?? metrics;
  return {
    epoch,
    gradientNorm: grad_norm === undefined ? null : numberOf(grad_norm.policy),
    klToBase: klToBase === undefined ? null : numberOf(klToBase),
    evaluation: evaluation === undefined || scores === null ? null : {
      prompts: scores.prompts,
      rewards: scores.rewards,
      diversity: numberOf(evaluation.diversity.within),
    },
  };
}

/** What the guard knows of the epochs that a run has written; without its evaluations' scores, nothing of those. */
export async function readGuardRecords(folder: RunFolder): Promise<readonly GuardRecord[]> {
  if (!await exists(folder.metrics)) return [];
  const lines = (await readText(folder.metrics)).split("\n").filter((line) => line !== "");
  return await Promise.all(lines.map(async (line) => {
    const metrics = JSON.parse(line) as RunMetrics;
    const path = join(folder.evaluations, `${epochName(metrics.epoch)}.json`);
    return guardRecord({ metrics, scores: await exists(path) ? await readJson(path) as Scores : null });
  }));
}

/** Numbers that are none are `null` in a file. */
function numberOf(value: number | null): number {
  return value ?? NaN;
}

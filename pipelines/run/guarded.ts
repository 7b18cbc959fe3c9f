/**
 * A run under guard: judged by all that it has measured, and ended with its best checkpoint named.
 *
 * @module
 */

import { type BestEpoch, bestEpoch } from "../../lib/measures/best_epoch.ts";
import { guard, type GuardRecord, type Verdict } from "../../lib/measures/guard.ts";
import type { State } from "../../lib/stages/records.ts";
import { type RunRewards, trainedRewards } from "../../lib/stages/run_rewards.ts";
import { NonFiniteError } from "../../lib/stages/update_logs.ts";
import { type Config, guardBlindSpots } from "../config/mod.ts";
import { listCheckpoints } from "./checkpoint.ts";
import { writeEnding } from "./ending.ts";
import type { Run } from "./run.ts";

/** Judges a run by its records; nothing where the guard is off. */
export function judge({ guard: options, ctx }: Run, records: readonly GuardRecord[]): readonly Verdict[] {
  return options.action === "none" ? [] : guard(records, watchedBy(ctx.rewards), options);
}

/**
 * What an error tells the guard: where training meets a number that is none, the epochs before it stand.
 *
 * @param state After the last complete epoch.
 * @throws The error, if the guard is off, it is any other, or nothing was trained.
 */
export function judgeError({ guard: { action } }: Run, error: unknown, { epoch }: State): readonly Verdict[] {
  if (!(error instanceof NonFiniteError) || action === "none" || epoch === 0) throw error;
  return [{ kind: "non_finite", since: epoch + 1, message: error.message.replace(/^C/, "c") }];
}

/** Whether the last epoch is the best so far, so that it must be kept; where the guard is off, none must. */
export function isBest(run: Run, records: readonly GuardRecord[]): boolean {
  const last = records.at(-1);
  if (run.guard.action === "none" || !last?.evaluation) return false;
  const trained = records.map(({ epoch }) => epoch).filter((epoch) => epoch > 0);
  return bestOf(run, records, trained)?.epoch === last.epoch;
}

/** Keeps why a run has ended, and which checkpoint is the best from before it went wrong, or of all if there is none. */
export async function endRun(
  run: Run,
  records: readonly GuardRecord[],
  verdicts: readonly Verdict[],
): Promise<void> {
  const { guard: { action }, folder } = run;
  if (action === "none" || verdicts.length === 0) return;
  const since = Math.min(...verdicts.map(({ since }) => since));
  // The last epoch's comes once this is written.
  const kept = [...await listCheckpoints(folder.checkpoints), records.at(-1)!.epoch];
  const best = bestOf(run, records, kept.filter((epoch) => epoch < since)) ?? bestOf(run, records, kept);
  await writeEnding(folder.metrics, { action, verdicts, best });
}

/** Says what the guard does not see, a sentence for each reason. */
export function guardNotes(config: Config, prompts: readonly string[]): readonly string[] {
  const falls = ["mean_fall", "reward_fall"] as const;
  const spots: readonly { readonly name: string; readonly why: string }[] = [
    ...guardBlindSpots(config),
    ...config.guard.action === "none" || config.evaluate.every === 0 || prompts.length > 1
      ? []
      : falls.map((name) => ({ name, why: "one prompt's images tell no standard error" })),
  ];
  return [...Map.groupBy(spots, ({ why }) => why)].map(([why, spots]) =>
    `The guard does without ${spots.map(({ name }) => `guard.${name}`).join(" and ")} here: ${why}.`
  );
}

function bestOf({ ctx }: Run, records: readonly GuardRecord[], kept: readonly number[]): BestEpoch | null {
  const trained = trainedRewards(ctx.rewards).map(({ name }) => name);
  return bestEpoch(records, trained, watchedBy(ctx.rewards), kept);
}

/** The names of the rewards that are watched only, each once. */
function watchedBy(rewards: RunRewards): readonly string[] {
  const trained = trainedRewards(rewards).map(({ name }) => name);
  return [...new Set(rewards.evaluate.map(({ name }) => name))].filter((name) => !trained.includes(name));
}

/**
 * What no cell can tell alone: whether an experiment as a whole can run and says something.
 *
 * @module
 */

import { type Config, trainedNames } from "../config/mod.ts";
import { checkRewardName } from "../load/check_reward_name.ts";
import { hasJudge } from "../load/available_rewards.ts";
import { type JudgeName, judgeNames } from "../load/judge_configs.ts";
import { modelFolder } from "../load/model_folder.ts";
import { isPath } from "../paths.ts";
import { planTraining } from "../plan/training_plan.ts";
import { readPrompts } from "../prompts.ts";
import { firstDifference } from "../run/first_difference.ts";
import { UsageError } from "../usage_error.ts";
import type { Cell, Domain, Experiment } from "./read_experiment.ts";

/**
 * Refuses an experiment before its first run.
 *
 * @param onArm Told of each arm before it is checked.
 * @param plan Compiles an arm's training without weights and GPU, which refuses what does not fit together.
 * @throws {UsageError} If something cannot be; the message names the cell.
 */
export async function checkExperiment(
  { cells, evaluation, domain }: Experiment,
  onArm: (name: string, index: number) => void = () => {},
  plan: (config: Config) => Promise<unknown> = planTraining,
): Promise<void> {
  const firsts = [...Map.groupBy(cells, ({ arm }) => arm).values()].map(([first]) => first!);
  evaluation.rewards?.forEach(checkRewardName);
  for (const list of evaluation.prompts) await readPrompts(list);
  checkApart(firsts);
  for (const [i, cell] of firsts.entries()) {
    onArm(cell.arm, i);
    try {
      const { evaluate, images, model } = cell.config;
      checkWatched(cell.config, domain);
      for (const list of [evaluate.prompts, evaluate.unseen, images.prompts]) {
        if (list !== null) await readPrompts(list);
      }
      await plan(cell.config);
      await checkJudge(model, evaluation.judge);
    } catch (cause) {
      throw new UsageError(`Cannot run ${cell.name}: ${(cause as Error).message}`, { cause });
    }
  }
}

/** What nobody sees is in no table, and a cell without it is never finished. */
async function checkJudge(model: string, judge: JudgeName): Promise<void> {
  const folder = await modelFolder(model);
  if (await hasJudge(folder, judge)) return;
  const there = await Array.fromAsync(judgeNames, async (name) => await hasJudge(folder, name) ? [name] : []);
  const others = there.flat().join(", ");
  throw new UsageError(
    `Cannot evaluate it as the model has no weights of evaluation.judge: ${judge}; ` +
      (others === "" ? `there are none of ${judgeNames.join(", ")}` : `there are those of ${others}`),
  );
}

/** Arms that are the same would be compared with themselves. */
function checkApart(cells: readonly Cell[]): void {
  cells.forEach((cell, i) => {
    const twin = cells.slice(0, i).find((other) => firstDifference(other.config, cell.config) === null);
    if (twin === undefined) return;
    throw new UsageError(`Cannot run ${cell.name} as it has the configuration of another arm: ${twin.name}`);
  });
}

/** The curves need evaluations, of every reward that counts. */
function checkWatched({ rewards, evaluate }: Config, { inDomain, outOfDomain }: Domain): void {
  if (evaluate.every === 0) {
    throw new UsageError("Cannot draw its curves as it is never evaluated: evaluate.every is 0");
  }
  const trained = trainedNames(rewards.train);
  const own: readonly string[] = inDomain ?? trained;
  const measured = [...trained, ...rewards.evaluate];
  const others = outOfDomain ?? measured.filter((name) => !own.includes(name));
  if (others.length === 0) {
    throw new UsageError("Cannot tell gain from price as no other reward is watched: rewards.evaluate");
  }
  // What a file's reward is called is not known before it is loaded.
  if (measured.some(isPath)) return;
  const missing = [...own, ...others].find((name) => !measured.includes(name));
  if (missing !== undefined) {
    throw new UsageError(
      `Cannot compare by ${missing} as it is not among its rewards: ${measured.join(", ")}`,
    );
  }
}

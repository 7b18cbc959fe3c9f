/**
 * Rewards by their names, with the weights they need.
 *
 * @module
 */

import { join } from "node:path";
import type { Value } from "../lib/engine/graph.ts";
import type { Runtime } from "../lib/engine/runtime.ts";
import type { Tokenizer } from "../lib/io/tokenizer.ts";
import { analyticRewards } from "../lib/rewards/analytic.ts";
import { rewardCatalogue } from "../lib/rewards/catalogue.ts";
import { embedImages } from "../lib/rewards/dual_encoder.ts";
import { type DualEncoderContext, type Embedder, embedder } from "../lib/rewards/embedder.ts";
import { gold } from "../lib/rewards/gold.ts";
import { miniAesthetic } from "../lib/rewards/mini_aesthetic.ts";
import { miniHps } from "../lib/rewards/mini_hps.ts";
import { miniPick } from "../lib/rewards/mini_pick.ts";
import type { Reward } from "../lib/rewards/reward.ts";
import type { Frozen } from "../lib/stages/models.ts";
import type { Judge, JudgeName, Judges } from "./load/judges.ts";
import { loadRewardFile } from "./load/reward_file.ts";
import { exists } from "./files.ts";
import { nearest } from "./nearest.ts";
import { isPath } from "./paths.ts";
import { UsageError } from "./usage_error.ts";

/** What rewards are made from. */
export interface RewardSource {
  /** Where they run. */
  readonly runtime: Runtime;
  /** The trained ones' weights. */
  readonly judges: Judges;
  /** Reads prompts. */
  readonly tokenizer: Tokenizer;
  /** Images that a reward looks at together; default 32. */
  readonly batch?: number | undefined;
}

/** Images that a reward looks at together if nobody says otherwise. */
const BATCH = 32;

/**
 * Makes rewards. Those that share a tower share its memory.
 *
 * @param names Of {@linkcode rewardCatalogue}, or paths of files that export a reward, in any order.
 * @returns The rewards by these names and paths, in that order.
 * @throws {UsageError} If a name is unknown, its weights are not there or do not fit, a file cannot be used, or two have one
 * name.
 */
export async function loadRewards(
  source: RewardSource,
  names: readonly string[],
): Promise<Readonly<Record<string, Reward>>> {
  names.forEach(checkRewardName);
  const rewards: Record<string, Reward> = {};
  for (const name of names) {
    const reward = await loadReward(source, name);
    const other = Object.keys(rewards).find((key) => key !== name && rewards[key]!.name === reward.name);
    if (other !== undefined) {
      throw new UsageError(
        `Cannot use rewards as two have the name ${reward.name}: ${other} and ${name}; export another name`,
      );
    }
    rewards[name] = reward;
  }
  return rewards;
}

/**
 * Checks that there is such a reward; a file is looked at when it is loaded.
 *
 * @throws {UsageError} If not, with the name that may be meant.
 */
export function checkRewardName(name: string): void {
  if (isPath(name) || Object.hasOwn(rewardCatalogue, name)) return;
  const names = Object.keys(rewardCatalogue);
  const meant = nearest(name, names);
  throw new UsageError(
    `Cannot use rewards as there is no such reward: ${name}; ` +
      (meant === undefined ? `there are ${names.join(", ")}` : `did you mean ${meant}?`),
  );
}

/**
 * Sorts all rewards by whether a model's folder holds their weights.
 *
 * @returns Those to be loaded, and those to do without, each with the first file that is missing.
 */
export async function availableRewards(
  folder: string,
): Promise<{ readonly available: readonly string[]; readonly missing: Readonly<Record<string, string>> }> {
  const available: string[] = [];
  const missing: Record<string, string> = {};
  for (const { name, needs } of Object.values(rewardCatalogue)) {
    const file = needs.includes("weights") ? await missingFile(folder, filesOf(name)) : null;
    if (file === null) available.push(name);
    else missing[name] = file;
  }
  return { available, missing };
}

/** Whether a model's folder holds a judge. */
export async function hasJudge(folder: string, name: JudgeName): Promise<boolean> {
  return await missingFile(folder, [`rewards/${name}/model.safetensors`]) === null;
}

/** The towers that a reward looks through; formulas have none, and stand by `clip`. */
export function judgeOf(reward: string): JudgeName {
  return reward === "mini_pick" || reward === "mini_hps" || reward === "gold" ? reward : "clip";
}

/** A judge's image tower as the critic looks through it. */
export function towerOf({ config, weights }: Judge): Frozen<Value, Value> {
  return { weights, build: (scope, images) => embedImages(scope, config.vision_config, images) };
}

/** Both towers of a judge, ready to embed: for diversity, and for telling what an image shows. */
export async function loadEmbedder(source: RewardSource, name: JudgeName): Promise<Embedder> {
  const judge = await source.judges.encoder(name);
  return embedder(judge.config, contextOf(source, judge));
}

/** The files that a trained reward is made of. */
function filesOf(reward: string): readonly string[] {
  const others = { mini_aesthetic: "mini_aesthetic/model.safetensors", gold: "gold/statistics.json" };
  const other = others[reward as keyof typeof others];
  return [`${judgeOf(reward)}/model.safetensors`, ...other === undefined ? [] : [other]]
    .map((file) => `rewards/${file}`);
}

async function missingFile(folder: string, files: readonly string[]): Promise<string | null> {
  for (const file of files) if (!await exists(join(folder, file))) return file;
  return null;
}

async function loadReward(source: RewardSource, name: string): Promise<Reward> {
  if (isPath(name)) return (await loadRewardFile(name)).reward;
  const { judges } = source;
  const formula = analyticRewards.find((reward) => reward.name === name);
  if (formula !== undefined) return formula;
  const judge = await judges.encoder(judgeOf(name));
  const context = { ...contextOf(source, judge), stage: `scoring by ${name}` };
  switch (name) {
    case "mini_aesthetic": {
      const weights = { ...judge.weights, ...await judges.aestheticHead() };
      return miniAesthetic({ ...context, weights }, judge.config.vision_config);
    }
    case "mini_pick":
      return miniPick(context, judge.config);
    case "mini_hps":
      return miniHps(context, judge.config);
    case "gold":
      return gold({ ...context, statistics: await judges.goldStatistics() }, judge.config);
  }
  throw new UsageError(`Cannot use rewards as this one cannot be loaded yet: ${name}`);
}

function contextOf(
  { runtime, tokenizer, batch = BATCH }: RewardSource,
  { config, weights }: Judge,
): DualEncoderContext {
  const length = config.text_config.max_position_embeddings;
  return { runtime, weights, batchSize: batch, tokenize: (prompts) => tokenizer.encode(prompts, length) };
}

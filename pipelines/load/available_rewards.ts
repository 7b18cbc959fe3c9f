/**
 * Which rewards a model's folder can give: those whose files are there.
 *
 * @module
 */

import { join } from "node:path";
import { rewardCatalogue } from "../../lib/rewards/catalogue.ts";
import { judgeOf } from "./critic_tower.ts";
import { judgeConfig, type JudgeName } from "./judge_configs.ts";
import { readConfigFile } from "./model_folder.ts";
import { findRewardFile, type RewardFileName, rewardFiles } from "./reward_files.ts";

/**
 * Sorts all rewards by whether a model's folder holds their weights.
 *
 * @returns Those to be loaded, and those to do without, each with the first file that is missing, or the tokenizer.
 */
export async function availableRewards(
  folder: string,
): Promise<{ readonly available: readonly string[]; readonly missing: Readonly<Record<string, string>> }> {
  const available: string[] = [];
  const missing: Record<string, string> = {};
  for (const { name, needs } of Object.values(rewardCatalogue)) {
    const file = needs.includes("weights")
      ? await missingFile(folder, filesOf(name)) ?? await missingTokens(folder, name)
      : null;
    if (file === null) available.push(name);
    else missing[name] = file;
  }
  return { available, missing };
}

/** Whether a judge's weights are there. */
export async function hasJudge(folder: string, name: JudgeName): Promise<boolean> {
  return await missingFile(folder, [name]) === null;
}

/** The files that a trained reward is made of. */
function filesOf(reward: string): readonly RewardFileName[] {
  switch (reward) {
    case "mini_aesthetic":
    case "aesthetic":
      return [judgeOf(reward), reward];
    case "gold":
      return ["gold", "gold_statistics"];
    case "imagereward":
      return ["imagereward", "imagereward_vocabulary"];
    default:
      return [judgeOf(reward)];
  }
}

async function missingFile(folder: string, names: readonly RewardFileName[]): Promise<string | null> {
  for (const name of names) {
    if ("places" in await findRewardFile(folder, name)) return `rewards/${rewardFiles[name].path}`;
  }
  return null;
}

/** The tokenizer that a published judge of prompts would need in the place of the model's. */
async function missingTokens(folder: string, reward: string): Promise<string | null> {
  const name = publishedReaders.find((each) => each === reward);
  if (name === undefined) return null;
  const { vocab_size } = (await judgeConfig(folder, name)).text_config;
  const vocab = await readConfigFile(
    join(folder, "tokenizer/vocab.json"),
    (json) => Object.keys(Object(json)),
  );
  return vocab.length === vocab_size ? null : `tokenizer of ${vocab_size} tokens`;
}

/** The published judges that read prompts by the model's tokenizer. */
const publishedReaders = ["pickscore", "hpsv2"] as const;

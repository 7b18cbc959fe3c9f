/**
 * Rewards by their names, with the weights they need.
 *
 * @module
 */

import { aesthetic } from "../lib/rewards/aesthetic.ts";
import { analyticRewards } from "../lib/rewards/analytic.ts";
import { gold } from "../lib/rewards/gold.ts";
import { hpsv2 } from "../lib/rewards/hpsv2.ts";
import { imageReward } from "../lib/rewards/image_reward.ts";
import { miniAesthetic } from "../lib/rewards/mini_aesthetic.ts";
import { miniHps } from "../lib/rewards/mini_hps.ts";
import { miniPick } from "../lib/rewards/mini_pick.ts";
import { pickscore } from "../lib/rewards/pickscore.ts";
import type { Reward } from "../lib/rewards/reward.ts";
import { checkRewardName } from "./load/check_reward_name.ts";
import { judgeOf } from "./load/critic_tower.ts";
import { loadCustomReward } from "./load/custom_reward_file.ts";
import { BATCH, batchOf, contextOf, type RewardSource } from "./load/judge_context.ts";
import { isPath } from "./paths.ts";
import { UsageError } from "./usage_error.ts";

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

async function loadReward(source: RewardSource, name: string): Promise<Reward> {
  if (isPath(name)) return (await loadCustomReward(name)).reward;
  const { judges } = source;
  const formula = analyticRewards.find((reward) => reward.name === name);
  if (formula !== undefined) return formula;
  const { runtime } = source;
  const { halfActivations } = judges;
  const stage = `scoring by ${name}`;
  switch (name) {
    case "mini_aesthetic":
    case "aesthetic": {
      const { config, weights } = await judges.tower(judgeOf(name));
      const make = name === "aesthetic" ? aesthetic : miniAesthetic;
      const all = { ...weights, ...await judges.aestheticHead(name) };
      const batchSize = batchOf(config, source.batch);
      return await make({ runtime, weights: all, batchSize, halfActivations, stage }, config);
    }
    case "imagereward": {
      const { config, weights, tokenize } = await judges.imageReward();
      const batchSize = Math.min(source.batch ?? Infinity, BATCH.large);
      return await imageReward({ runtime, weights, batchSize, halfActivations, stage, tokenize }, config);
    }
  }
  const judge = await judges.encoder(judgeOf(name));
  const context = { ...contextOf(source, judgeOf(name), judge), stage };
  switch (name) {
    case "mini_pick":
      return await miniPick(context, judge.config);
    case "mini_hps":
      return await miniHps(context, judge.config);
    case "gold":
      return await gold({ ...context, statistics: await judges.goldStatistics() }, judge.config);
    case "pickscore":
      return await pickscore(context, judge.config);
    case "hpsv2":
      return await hpsv2(context, judge.config);
  }
  throw new UsageError(`Cannot use rewards as this one cannot be loaded yet: ${name}`);
}

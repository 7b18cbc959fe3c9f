/**
 * All rewards there are.
 * @module
 */

import { aestheticInfo } from "./aesthetic.ts";
import { analyticRewards } from "./analytic.ts";
import { goldInfo } from "./gold.ts";
import { hpsv2Info } from "./hpsv2.ts";
import { imageRewardInfo } from "./image_reward.ts";
import { miniAestheticInfo } from "./mini_aesthetic.ts";
import { miniHpsInfo } from "./mini_hps.ts";
import { miniPickInfo } from "./mini_pick.ts";
import { pickscoreInfo } from "./pickscore.ts";
import type { RewardInfo } from "./reward.ts";

/** Rewards that read weights of their own. */
const trained: readonly RewardInfo[] = [
  ...[miniAestheticInfo, miniPickInfo, miniHpsInfo, goldInfo],
  ...[aestheticInfo, pickscoreInfo, hpsv2Info, imageRewardInfo],
];

/** Every reward by name, to be chosen from without loading any. */
export const rewardCatalogue: Readonly<Record<string, RewardInfo>> = Object.fromEntries(
  [...analyticRewards.map(({ score: _, graph: _graph, ...info }) => info), ...trained].map((
    info,
  ) => [info.name, info]),
);

/** The names of the rewards that have a gradient. */
export function differentiableRewards(): readonly string[] {
  return Object.values(rewardCatalogue).filter((info) => info.isDifferentiable).map(({ name }) => name);
}

/**
 * Checks that a reward can be trained on by its gradient.
 *
 * @param method The method that wants it, for the message.
 * @throws {RangeError} If not, with the rewards that can.
 */
export function checkDifferentiable(method: string, { name, isDifferentiable }: RewardInfo): void {
  if (isDifferentiable) return;
  throw new RangeError(
    `Cannot train by ${method} as the reward has no gradient: ${name}; ` +
      `these have: ${differentiableRewards().join(", ")}`,
  );
}

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
  [...analyticRewards.map(({ score: _, ...info }) => info), ...trained].map((info) => [info.name, info]),
);

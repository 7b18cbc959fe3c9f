/**
 * All rewards there are.
 * @module
 */

import { analyticRewards } from "./analytic.ts";
import { goldInfo } from "./gold.ts";
import { miniAestheticInfo } from "./mini_aesthetic.ts";
import { miniHpsInfo } from "./mini_hps.ts";
import { miniPickInfo } from "./mini_pick.ts";
import type { RewardInfo } from "./reward.ts";

/** Every reward by name, to be chosen from without loading any. */
export const rewardCatalogue: Readonly<Record<string, RewardInfo>> = Object.fromEntries(
  [...analyticRewards, miniAestheticInfo, miniPickInfo, miniHpsInfo, goldInfo]
    .map(({ name, needs, scale, doc }) => [name, { name, needs, scale, doc }]),
);

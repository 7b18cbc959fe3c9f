/**
 * The aesthetic predictor (Schuhmann 2022, https://github.com/christophschuhmann/improved-aesthetic-predictor): five linear
 * layers on the image tower of CLIP ViT-L/14.
 * @module
 */

import type { ImageTowerConfig } from "./dual_encoder.ts";
import type { ModelContext } from "./batched.ts";
import { linearHead } from "./linear_head.ts";
import { lookReward } from "./look_reward.ts";
import { clipLConfig } from "./published_configs.ts";
import type { Reward, RewardInfo } from "./reward.ts";

/** What is known of the reward without its weights. */
export const aestheticInfo: RewardInfo = {
  name: "aesthetic",
  needs: ["weights"],
  scale: { unit: "points", range: [1, 10] },
  isDifferentiable: true,
  doc:
    "How much people would like the image, by a linear map of what CLIP ViT-L/14 sees; photographs have about 5.",
};

/** Makes the reward. Its weights are the image tower's, and the head's below `layers`. */
export function aesthetic(
  context: ModelContext,
  config: ImageTowerConfig = clipLConfig.vision_config,
): Promise<Reward> {
  return lookReward(aestheticInfo, config, context, linearHead);
}

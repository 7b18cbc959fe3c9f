/**
 * The embedded model's aesthetic reward: how pleasing an image is, whatever was asked for.
 * @module
 */

import { aestheticHead } from "./aesthetic_head.ts";
import type { ModelContext } from "./batched.ts";
import type { ImageTowerConfig } from "./dual_encoder.ts";
import { lookReward } from "./look_reward.ts";
import { miniClipConfig } from "./mini_configs.ts";
import type { Reward, RewardInfo } from "./reward.ts";

/** What is known of the reward without its weights. */
export const miniAestheticInfo: RewardInfo = {
  name: "mini_aesthetic",
  needs: ["weights"],
  scale: { unit: "points", range: [1, 10] },
  isDifferentiable: true,
  doc:
    "A network on an image tower's embedding, trained on preferences that ignore the prompt; base images have 5 ± 1.",
};

/** Makes the reward. */
export function miniAesthetic(
  context: ModelContext,
  config: ImageTowerConfig = miniClipConfig.vision_config,
): Promise<Reward> {
  return lookReward(miniAestheticInfo, config, context, aestheticHead);
}

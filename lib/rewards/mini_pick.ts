/**
 * The embedded model's judge after PickScore (Kirstain et al. 2023, https://arxiv.org/abs/2305.01569).
 * @module
 */

import type { DualEncoderConfig } from "./dual_encoder.ts";
import type { DualEncoderContext } from "./embedder.ts";
import { fitReward } from "./fit_reward.ts";
import { miniPickConfig } from "./mini_configs.ts";
import type { Reward, RewardInfo } from "./reward.ts";

/** What is known of the reward without its weights. */
export const miniPickInfo: RewardInfo = {
  name: "mini_pick",
  needs: ["prompts", "weights"],
  scale: { unit: "logits", range: [-20, 20] },
  isDifferentiable: true,
  doc:
    "How well the image fits the prompt by a tower of convolutions that learned from choices between two images.",
};

/** Makes the reward. */
export function miniPick(
  context: DualEncoderContext,
  config: DualEncoderConfig = miniPickConfig,
): Promise<Reward> {
  return fitReward(miniPickInfo, config, context);
}

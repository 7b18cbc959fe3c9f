/**
 * The embedded model's judge after HPSv2 (Wu et al. 2023, https://arxiv.org/abs/2306.09341).
 * @module
 */

import type { DualEncoderConfig } from "./dual_encoder.ts";
import type { DualEncoderContext } from "./embedder.ts";
import { fitReward } from "./fit_reward.ts";
import { miniHpsConfig } from "./mini_configs.ts";
import type { Reward, RewardInfo } from "./reward.ts";

/** What is known of the reward without its weights. */
export const miniHpsInfo: RewardInfo = {
  name: "mini_hps",
  needs: ["prompts", "weights"],
  scale: { unit: "logits", range: [-20, 20] },
  isDifferentiable: true,
  doc:
    "How well the image fits the prompt by a small transformer that learned from rankings of other vendors' drawings.",
};

/** Makes the reward. */
export function miniHps(
  context: DualEncoderContext,
  config: DualEncoderConfig = miniHpsConfig,
): Promise<Reward> {
  return fitReward(miniHpsInfo, config, context);
}

/**
 * PickScore (Kirstain et al. 2023, https://arxiv.org/abs/2305.01569): CLIP ViT-H/14 that learned from choices between two images.
 * @module
 */

import { cosines, type DualEncoderConfig } from "./dual_encoder.ts";
import type { DualEncoderContext } from "./embedder.ts";
import { fitReward } from "./fit_reward.ts";
import { clipHConfig } from "./published_configs.ts";
import type { Reward, RewardInfo } from "./reward.ts";

/** What is known of the reward without its weights. */
export const pickscoreInfo: RewardInfo = {
  name: "pickscore",
  needs: ["prompts", "weights"],
  scale: { unit: "cosine", range: [0.15, 0.25] },
  isDifferentiable: true,
  // The published checkpoint's logit scale is 100.
  official: { unit: "PickScore", factor: 100, offset: 0 },
  doc: "How well the image fits the prompt by a tower that learned from choices between two images.",
};

/** Makes the reward; it is the cosine, as the reference implementation trains on it. */
export function pickscore(
  context: DualEncoderContext,
  config: DualEncoderConfig = clipHConfig,
): Promise<Reward> {
  return fitReward(pickscoreInfo, config, context, cosines);
}

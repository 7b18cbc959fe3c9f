/**
 * HPSv2 (Wu et al. 2023, https://arxiv.org/abs/2306.09341): CLIP ViT-H/14 that learned from rankings of images.
 * @module
 */

import { cosines, type DualEncoderConfig } from "./dual_encoder.ts";
import type { DualEncoderContext } from "./embedder.ts";
import { fitReward } from "./fit_reward.ts";
import { clipHConfig } from "./published_configs.ts";
import type { Reward, RewardInfo } from "./reward.ts";

/** What is known of the reward without its weights. */
export const hpsv2Info: RewardInfo = {
  name: "hpsv2",
  needs: ["prompts", "weights"],
  scale: { unit: "cosine", range: [0.2, 0.35] },
  isDifferentiable: true,
  // Its benchmark's tables are in hundredths.
  official: { unit: "HPS v2", factor: 100, offset: 0 },
  doc: "How well the image fits the prompt by a tower that learned from rankings of images of one prompt.",
};

/** Makes the reward; it is the cosine, as the reference implementation trains on it. */
export function hpsv2(context: DualEncoderContext, config: DualEncoderConfig = clipHConfig): Promise<Reward> {
  return fitReward(hpsv2Info, config, context, cosines);
}

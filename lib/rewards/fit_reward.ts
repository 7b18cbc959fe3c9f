/**
 * Rewards for fitting the prompt, in the eyes of a dual encoder.
 * @module
 */

import type { DualEncoderConfig } from "./dual_encoder.ts";
import { type DualEncoderContext, fitter } from "./embedder.ts";
import { checkScores, type Reward, type RewardInfo } from "./reward.ts";

/** Makes a reward of the cosines of images and prompts, times the learnt scale. */
export async function fitReward(
  info: RewardInfo,
  config: DualEncoderConfig,
  context: DualEncoderContext,
): Promise<Reward> {
  const fits = await fitter(config, context);
  return {
    ...info,
    score: async (images, prompts) => checkScores(info.name, (await fits(images, prompts)).data),
  };
}

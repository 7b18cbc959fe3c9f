/**
 * Rewards for fitting the prompt, in the eyes of a dual encoder.
 * @module
 */

import { type cosines, type DualEncoderConfig, fit } from "./dual_encoder.ts";
import { type DualEncoderContext, fitGraph, fitter } from "./embedder.ts";
import { checkScores, type Reward, type RewardInfo } from "./reward.ts";

/** Makes a reward of the cosines of images and prompts times the learnt scale, or of the cosines alone. */
export async function fitReward(
  info: RewardInfo,
  config: DualEncoderConfig,
  context: DualEncoderContext,
  measure: typeof fit | typeof cosines = fit,
): Promise<Reward> {
  const fits = await fitter(config, context, measure);
  return {
    ...info,
    graph: fitGraph(config, context, measure),
    score: async (images, prompts) => checkScores(info.name, (await fits(images, prompts)).data),
  };
}

/**
 * The embedded model's aesthetic reward: how pleasing an image is, whatever was asked for.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import type { Scope } from "../nn/scope.ts";
import { aestheticHead } from "./aesthetic_head.ts";
import { batchedModel, type ModelContext, rowsOf } from "./batched.ts";
import { embedImages, type ImageTowerConfig } from "./dual_encoder.ts";
import { miniClipConfig } from "./mini_configs.ts";
import { checkImages, checkScores, type Reward, type RewardInfo } from "./reward.ts";

/** What is known of the reward without its weights. */
export const miniAestheticInfo: RewardInfo = {
  name: "mini_aesthetic",
  needs: ["weights"],
  scale: { unit: "points", range: [1, 10] },
  doc:
    "A network on an image tower's embedding, trained on preferences that ignore the prompt; base images have 5 ± 1.",
};

/**
 * Scores images.
 *
 * @param scope Above the image tower's parameters and `aesthetic_head`.
 * @param images `[B, H, W, 3]`, RGB in `[0, 1]`.
 * @returns `[B]`.
 */
export function aestheticScores(scope: Scope, config: ImageTowerConfig, images: Value): Value {
  return aestheticHead(scope, embedImages(scope, config, images));
}

/** Makes the reward. */
export async function miniAesthetic(
  context: ModelContext,
  config: ImageTowerConfig = miniClipConfig.vision_config,
): Promise<Reward> {
  const side = config.image_size;
  const run = await batchedModel(
    (scope, { images }) => aestheticScores(scope, config, images),
    { images: { shape: [context.batchSize, side, side, 3], dtype: "f32" } },
    context,
  );
  return {
    ...miniAestheticInfo,
    score: async (images, prompts) => {
      const scores = await run(checkImages(images, prompts), (rows) => ({ images: rowsOf(images, rows) }));
      return checkScores(miniAestheticInfo.name, scores.data);
    },
  };
}

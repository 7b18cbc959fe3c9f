/**
 * Rewards for how an image looks, whatever was asked for: a head on what an image tower sees.
 * @module
 */

import { pickRows } from "../core/rows.ts";
import type { Value } from "../engine/graph.ts";
import type { Scope } from "../nn/scope.ts";
import { batchedModel, type ModelContext, scopeIn } from "./batched.ts";
import { embedImages, type ImageTowerConfig } from "./dual_encoder.ts";
import { imageTypes } from "./embedder.ts";
import { preparation, preparer } from "./prepare_images.ts";
import { checkScores, type Reward, type RewardInfo } from "./reward.ts";

/**
 * Makes a reward of a head.
 *
 * @param head From embeddings `[N, projection_dim]` of length 1 to scores `[N]`; its scope is also the tower's.
 */
export async function lookReward(
  info: RewardInfo,
  config: ImageTowerConfig,
  context: ModelContext,
  head: (scope: Scope, embeddings: Value) => Value,
): Promise<Reward> {
  const look = (scope: Scope, images: Value) => head(scope, embedImages(scope, config, images));
  const run = await batchedModel(
    (scope, { images }) => look(scope, images),
    imageTypes(config, context.batchSize),
    context,
  );
  const prepare = preparer(config, context);
  const { tables, build } = preparation(config);
  return {
    ...info,
    graph: {
      weights: context.weights,
      inputs: (_, shape) => tables(shape),
      build: (scope, images, inputs) => look(scopeIn(context, scope), build(images, inputs)),
    },
    score: async (images, prompts) => {
      const pixels = await prepare(images, prompts);
      const scores = await run(prompts.length, (rows) => ({ images: pickRows(pixels, rows) }));
      return checkScores(info.name, scores.data);
    },
  };
}

/**
 * The second stage: what the images are worth.
 * @module
 */

import type { F32 } from "../core/tensor.ts";
import type { Context } from "./context.ts";
import type { Sampled, Scored } from "./records.ts";
import { allRewards } from "./run_rewards.ts";

/**
 * Scores the images by the training rewards and by all evaluation rewards. Only the first will ever reach a gradient.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type Reward, type Sampled, score, tensor } from "@attune/attune";
 *
 * const redness: Reward = {
 *   name: "redness",
 *   needs: [],
 *   scale: { unit: "points", range: [0, 1] },
 *   doc: "How red the first pixel is.",
 *   score: (images, prompts) =>
 *     Promise.resolve(Float32Array.from(prompts, (_, n) => images.data[n * images.data.length / prompts.length]!)),
 * };
 * const steps = tensor([2, 1], [0, 0]);
 * const sampled: Sampled = {
 *   epoch: 0,
 *   prompts: ["a fox", "a hen"],
 *   promptRows: [0, 1],
 *   latents: tensor([2, 2, 1, 1, 1], [1, 2, 3, 4]),
 *   logProbs: steps,
 *   observed: null,
 *   baseLogProbs: null,
 *   images: tensor([2, 1, 1, 3], [1, 0, 0, 0.25, 1, 1]),
 * };
 * const { rewards } = await score(sampled, { rewards: { train: redness, evaluate: [] } });
 * assertEquals([...rewards], [1, 0.25]);
 * ```
 *
 * @returns The record with `rewards` `[N]` and `scores` added, each on its reward's own scale.
 */
export async function score(sampled: Sampled, ctx: Pick<Context, "rewards" | "onProgress">): Promise<Scored> {
  const all = allRewards(ctx.rewards);
  const scores: Record<string, F32> = {};
  for (const [i, reward] of all.entries()) {
    scores[reward.name] = await reward.score(sampled.images, sampled.prompts);
    ctx.onProgress?.({ stage: "score", done: i + 1, total: all.length });
  }
  return { ...sampled, rewards: scores[ctx.rewards.train.name]!, scores };
}

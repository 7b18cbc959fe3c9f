/**
 * The second stage: what the images are worth.
 * @module
 */

import type { F32 } from "../core/tensor.ts";
import type { Context } from "./context.ts";
import type { Sampled, Scored } from "./records.ts";

/**
 * Scores the images by the training reward and by all evaluation rewards. Only the first will ever reach a gradient.
 *
 * @returns The record with `rewards` `[N]` and `scores` added, each on its reward's own scale.
 */
export async function score(sampled: Sampled, ctx: Pick<Context, "rewards" | "onProgress">): Promise<Scored> {
  const { train, evaluate } = ctx.rewards;
  const all = [train, ...evaluate.filter(({ name }) => name !== train.name)];
  const scores: Record<string, F32> = {};
  for (const [i, reward] of all.entries()) {
    scores[reward.name] = await reward.score(sampled.images, sampled.prompts);
    ctx.onProgress?.({ stage: "score", done: i + 1, total: all.length });
  }
  return { ...sampled, rewards: scores[train.name]!, scores };
}

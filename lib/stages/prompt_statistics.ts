/**
 * Rewards by prompt: each is compared with the latest of its own prompt, so that easy prompts do not outweigh hard ones.
 * @module
 */

import { type Moments, moments } from "../core/moments.ts";
import type { F32 } from "../core/tensor.ts";
import type { StatTrackingOptions } from "./options.ts";

/** The latest rewards of each prompt, oldest first. */
export type PromptStatistics = Readonly<Record<string, readonly number[]>>;

/** Rewards with their prompts' mean 0 and deviation 1, and the statistics afterwards. */
export interface Normalised {
  /** `[N]`. */
  readonly rewards: Float32Array<ArrayBuffer>;
  /** With the batch taken in. */
  readonly statistics: PromptStatistics;
}

/** A way to normalise a batch's rewards `[N]`, given what is remembered of those before. */
export type Normalise = (statistics: PromptStatistics, rewards: F32) => Normalised;

/**
 * Takes a batch's rewards in, then normalises them: `(r - mean) / (std + 1e-6)`.
 *
 * Mean and deviation are those of the prompt's latest rewards once there are `min_count` of them, before that those of
 * the batch.
 *
 * @param rewards `[N]`.
 * @param prompts `N` of them.
 * @param options `null`: nothing is remembered, the batch's statistics serve all.
 * @throws {RangeError} If the batch is empty.
 */
export function normaliseRewards(
  statistics: PromptStatistics,
  rewards: F32,
  prompts: readonly string[],
  options: StatTrackingOptions | null,
): Normalised {
  if (rewards.length === 0) throw new RangeError("Cannot normalise the rewards as there are none");
  const ofBatch = moments(rewards);
  if (options === null) {
    return {
      rewards: Float32Array.from(rewards as ArrayLike<number>, (r) => standard(r, ofBatch)),
      statistics,
    };
  }
  const latest = { ...statistics };
  prompts.forEach((prompt, i) => {
    latest[prompt] = [...latest[prompt] ?? [], rewards[i]!].slice(-options.buffer_size);
  });
  const byPrompt = new Map(
    [...new Set(prompts)].map((prompt) => {
      const own = latest[prompt]!;
      return [prompt, own.length >= options.min_count ? moments(own) : ofBatch];
    }),
  );
  return {
    rewards: Float32Array.from(prompts, (prompt, i) => standard(rewards[i]!, byPrompt.get(prompt)!)),
    statistics: latest,
  };
}

/** The number with the moments taken out of it: `(x - mean) / (std + 1e-6)`. */
export function standard(x: number, { mean, std }: Moments): number {
  return (x - mean) / (std + 1e-6);
}

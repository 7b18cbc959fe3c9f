/**
 * Images of one list of prompts, measured; and the same prompts and seeds by two models, compared.
 *
 * @module
 */

import type { FloatTensor } from "../../lib/core/tensor.ts";
import { type Diversity, diversity, retrieval } from "../../lib/rewards/diversity.ts";
import type { Embedder } from "../../lib/rewards/embedder.ts";
import type { Reward } from "../../lib/rewards/reward.ts";
import { moments } from "../../lib/stages/prompt_statistics.ts";

/** What looks at images. */
export interface Measures {
  /** All rewards. */
  readonly rewards: readonly Reward[];
  /** Sees how different images are and what they show; `null`: nobody looks. */
  readonly judge: Embedder | null;
  /** The prompts that an image is told apart from; its own is among them. */
  readonly choices: readonly string[];
  /** What one of them is called. */
  readonly what: Recognition["what"];
}

/** The scores of one model's images. */
export interface Measured {
  /** Each reward's score of each image. */
  readonly scores: Readonly<Record<string, readonly number[]>>;
  /** Mean distances between images, to the judge. */
  readonly diversity: Diversity | null;
  /** Whether images show what was asked for, to the judge. */
  readonly recognition: Recognition | null;
}

/** Whether images show what was asked for. */
export interface Recognition {
  /** The share of images that are nearer to their own prompt than to any other. */
  readonly accuracy: number;
  /** How many prompts there are to choose from. */
  readonly choices: number;
  /** What one of them is called. */
  readonly what: "animal" | "prompt";
  /** Mean cosine of an image and its prompt. */
  readonly alignment: number;
}

/** A mean and how sure it is. */
export interface Estimate {
  /** The mean. */
  readonly mean: number;
  /** The standard deviation of single images; 0 where there is one. */
  readonly std: number;
  /** The standard error of the mean, as if all images were independent; `null` where there is one. */
  readonly standard_error: number | null;
}

/** How much higher a reward is than the base model's, over pairs of the same prompt and seed. */
export interface Change extends Estimate {
  /** The mean change in standard deviations of the base model's images; `null` where those do not differ. */
  readonly in_base_std: number | null;
}

/**
 * Measures images.
 *
 * @param images `[N, H, W, 3]`.
 * @param prompts `N` prompts.
 */
export async function measure(
  images: FloatTensor,
  prompts: readonly string[],
  { rewards, judge, choices, what }: Measures,
): Promise<Measured> {
  const scores: Record<string, readonly number[]> = {};
  for (const reward of rewards) {
    scores[reward.name] = Array.from(await reward.score(images, prompts) as ArrayLike<number>);
  }
  if (judge === null) return { scores, diversity: null, recognition: null };
  const embeddings = await judge.images(images);
  const targets = prompts.map((prompt) => choices.indexOf(prompt));
  const found = retrieval(embeddings, await judge.texts(choices), targets);
  return {
    scores,
    diversity: diversity(embeddings, prompts),
    recognition: { ...found, choices: choices.length, what },
  };
}

/** The mean of some scores. */
export function estimate(scores: readonly number[]): Estimate {
  const count = scores.length;
  const { mean, std } = moments(scores);
  const unbiased = std * Math.sqrt(count / Math.max(count - 1, 1));
  return { mean, std: unbiased, standard_error: count > 1 ? unbiased / Math.sqrt(count) : null };
}

/** How much higher scores are than the base model's of the same prompts and seeds. */
export function changeOf(scores: readonly number[], base: readonly number[]): Change {
  const change = estimate(scores.map((score, n) => score - base[n]!));
  const { std } = estimate(base);
  return { ...change, in_base_std: std > 0 ? change.mean / std : null };
}

/**
 * Images of one list of prompts, measured.
 *
 * @module
 */

import type { FloatTensor } from "../../lib/core/tensor.ts";
import { retrieval } from "../../lib/measures/diversity.ts";
import { clipScores } from "../../lib/measures/prompt_alignment.ts";
import { type Variety, variety } from "../../lib/measures/variety.ts";
import type { Embedder } from "../../lib/rewards/embedder.ts";
import type { Reward } from "../../lib/rewards/reward.ts";

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
  /** The prompt of each image. */
  readonly prompts: readonly string[];
  /** Each reward's score of each image. */
  readonly scores: Readonly<Record<string, readonly number[]>>;
  /** How different images are, to the judge. */
  readonly diversity: Variety | null;
  /** Whether images show what was asked for, to the judge. */
  readonly recognition: Recognition | null;
  /** The CLIP score of each image and its prompt, by the judge. */
  readonly clip_scores: readonly number[] | null;
  /** What the judge made of each image, `[N, D]`, of length 1. */
  readonly embeddings: FloatTensor | null;
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
  if (judge === null) {
    return { prompts, scores, diversity: null, recognition: null, clip_scores: null, embeddings: null };
  }
  const embeddings = await judge.images(images);
  const targets = prompts.map((prompt) => choices.indexOf(prompt));
  const texts = await judge.texts(choices);
  const found = retrieval(embeddings, texts, targets);
  return {
    prompts,
    scores,
    diversity: variety(embeddings, prompts),
    recognition: { ...found, choices: choices.length, what },
    clip_scores: clipScores(embeddings, texts, targets),
    embeddings,
  };
}

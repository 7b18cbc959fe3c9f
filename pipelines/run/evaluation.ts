/**
 * Looking at a policy: always the same prompts and seeds, so that what changes is the policy.
 *
 * @module
 */

import { moments } from "../../lib/core/moments.ts";
import type { F32 } from "../../lib/core/tensor.ts";
import { changeOf } from "../../lib/measures/estimate.ts";
import { type Variety, variety } from "../../lib/measures/variety.ts";
import type { ImageEmbedder } from "../../lib/rewards/embedder.ts";
import type { Conditioning } from "../../lib/stages/conditioning.ts";
import type { Context } from "../../lib/stages/context.ts";
import { generate, type Generated } from "../../lib/stages/generate.ts";
import { allRewards } from "../../lib/stages/run_rewards.ts";
import { pairKey } from "../pair_key.ts";

/** Prompts and seeds that a policy is looked at with, `N` pairs: all seeds of a prompt in a row. */
export interface Gallery {
  /** Every prompt once, read. */
  readonly conditioning: Conditioning;
  /** How many seeds each prompt has, from 0 on. */
  readonly seeds: number;
}

/** The scores of single images, kept so that images of the same prompt and seed can be compared between epochs. */
export interface Scores {
  /** `N` prompts. */
  readonly prompts: readonly string[];
  /** `N` seeds. */
  readonly seeds: readonly number[];
  /** `N` scores of each reward by its name. */
  readonly rewards: Readonly<Record<string, readonly number[]>>;
}

/** What there is to log of an evaluation. */
export interface Evaluation {
  /** `N`. */
  readonly images: number;
  /** Every reward on its own scale. */
  readonly rewards: Readonly<Record<string, RewardChange>>;
  /** How different the images are, to a judge. */
  readonly diversity: Variety;
  /** Mean divergence of their trajectories from the base model's; absent where steps have no noise. */
  readonly kl_to_base?: number;
}

/** A reward over a gallery. */
export interface RewardChange {
  /** Its mean. */
  readonly mean: number;
  /** Its standard deviation. */
  readonly std: number;
  /** Mean change from the base model's image of the same prompt and seed; `null` where there is none. */
  readonly change: number | null;
  /** Standard error of that change, clustered by prompt; `null` also where there is one prompt. */
  readonly change_error: number | null;
}

/** Reads the prompts of a gallery. */
export async function openGallery(ctx: Context, prompts: readonly string[], seeds: number): Promise<Gallery> {
  return { conditioning: await ctx.encodePrompts(prompts), seeds };
}

/**
 * Draws a gallery. An image's noise comes from its prompt and seed, not from the run.
 *
 * How far the policy is from the base model is measured on the way, which takes as much denoising again.
 */
export function drawGallery(
  ctx: Context,
  policy: F32,
  { conditioning, seeds }: Gallery,
): Promise<Generated> {
  const pairs = conditioning.prompts.flatMap((prompt, row) =>
    Array.from({ length: seeds }, (_, seed) => ({ row, key: pairKey(prompt, seed) }))
  );
  const keys = pairs.map(({ key }) => key);
  const promptRows = pairs.map(({ row }) => row);
  return generate(policy, { conditioning, promptRows, keys }, ctx);
}

/**
 * Scores a drawn gallery by all rewards.
 *
 * @param drawn From {@linkcode drawGallery}, with its divergence.
 * @param judge Looks at diversity, with a tower that is no training reward's.
 * @param base What the base model scored; `null` if unknown.
 */
export async function evaluateGallery(
  ctx: Context,
  judge: ImageEmbedder,
  { conditioning, seeds }: Gallery,
  { images, klToBase }: Pick<Generated, "images" | "klToBase">,
  base: Scores | null,
): Promise<{ readonly evaluation: Evaluation; readonly scores: Scores }> {
  const prompts = conditioning.prompts.flatMap((prompt) => Array<string>(seeds).fill(prompt));
  const rewards: Record<string, number[]> = {};
  for (const reward of allRewards(ctx.rewards)) {
    rewards[reward.name] = Array.from(await reward.score(images, prompts) as ArrayLike<number>);
  }
  return {
    evaluation: {
      images: prompts.length,
      rewards: Object.fromEntries(
        Object.entries(rewards).map((
          [name, scores],
        ) => [name, rewardChange(scores, base?.rewards[name], prompts)]),
      ),
      diversity: variety(await judge.images(images), prompts),
      ...klToBase && { kl_to_base: moments(klToBase).mean },
    },
    scores: { prompts, seeds: prompts.map((_, n) => n % seeds), rewards },
  };
}

/** Mean and deviation, and how far each score is from its own before. */
function rewardChange(
  scores: readonly number[],
  before: readonly number[] | undefined,
  prompts: readonly string[],
): RewardChange {
  const { mean, std } = moments(scores);
  if (before?.length !== scores.length) return { mean, std, change: null, change_error: null };
  const change = changeOf(scores, before, prompts);
  return { mean, std, change: change.mean, change_error: change.standard_error };
}

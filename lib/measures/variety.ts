/**
 * All that embeddings tell of how different images are.
 * @module
 */

import { type FloatTensor, tensor } from "../core/tensor.ts";
import { type Diversity, diversity } from "./diversity.ts";
import { matrixShape } from "./embeddings.ts";
import { nearDuplicates } from "./near_duplicates.ts";
import { ENTROPY_DIRECTIONS, truncatedEntropy } from "./truncated_entropy.ts";
import { vendiScore } from "./vendi_score.ts";

/** Measures of the diversity of images. */
export interface Variety extends Diversity {
  /** The Vendi score of a prompt's images, the mean over prompts: from 1 to as many as a prompt has. */
  readonly vendi: number;
  /** The share of a prompt's pairs with a cosine above 0.97; NaN where no prompt has two images. */
  readonly near_duplicates: number;
  /** The truncated entropy of all images together, in nats; `null` where they are too few for its 20 directions. */
  readonly truncated_entropy: number | null;
}

/**
 * Measures how different images are.
 *
 * @param embeddings `[N, D]`, of length 1.
 * @param prompts `N` prompts.
 * @throws {TypeError} If there is not one prompt for each embedding.
 */
export function variety(embeddings: FloatTensor, prompts: readonly string[]): Variety {
  const [count, width] = matrixShape(embeddings);
  const distances = diversity(embeddings, prompts);
  const groups = [...Map.groupBy(prompts.keys(), (n) => prompts[n]!).values()];
  const row = (n: number) => [...embeddings.data.slice(n * width, (n + 1) * width)];
  const scores = groups.map((group) => vendiScore(tensor([group.length, width], group.flatMap(row))));
  return {
    ...distances,
    vendi: scores.reduce((sum, score) => sum + score, 0) / scores.length,
    near_duplicates: nearDuplicates(embeddings, prompts),
    truncated_entropy: Math.min(count - 1, width) < ENTROPY_DIRECTIONS ? null : truncatedEntropy(embeddings),
  };
}

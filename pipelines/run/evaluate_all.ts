/**
 * An evaluation on prompts of training and, beside them, on others.
 *
 * @module
 */

import type { F32 } from "../../lib/core/tensor.ts";
import { type Gap, seenGap } from "../../lib/measures/cross_reward.ts";
import { estimate } from "../../lib/measures/estimate.ts";
import type { ImageEmbedder } from "../../lib/rewards/embedder.ts";
import type { Context } from "../../lib/stages/context.ts";
import {
  drawGallery,
  evaluateGallery,
  type Evaluation,
  type Gallery,
  type RewardChange,
  type Scores,
} from "./evaluation.ts";

/** What is evaluated. */
export interface Evaluated {
  /** The run's evaluation. */
  readonly gallery: Gallery;
  /** Prompts that training does not draw; `null`: none. */
  readonly unseen: Gallery | null;
  /** Whether training draws all prompts of `gallery`. */
  readonly isSeen: boolean;
}

/** The scores of single images, those of unseen prompts apart. */
export interface AllScores extends Scores {
  /** Of unseen prompts, where there are any. */
  readonly unseen?: Scores;
}

/** What there is to log of an evaluation with unseen prompts. */
export interface FullEvaluation extends Evaluation {
  /** The same on unseen prompts, where there are any. */
  readonly unseen?: Evaluation;
  /**
   * How much more the trained reward gained on seen prompts, in base standard deviations of these; absent where `evaluate.prompts`
   * are not all drawn in training, `null` where there is no base model to compare with.
   */
  readonly seen_gap?: Gap | null;
}

/**
 * Draws and scores.
 *
 * @param judge Looks at diversity, with a tower that is no training reward's.
 * @param base What the base model scored; `null` if unknown.
 */
export async function evaluateAll(
  ctx: Context,
  judge: ImageEmbedder,
  { gallery, unseen, isSeen }: Evaluated,
  policy: F32,
  base: AllScores | null,
): Promise<{ readonly evaluation: FullEvaluation; readonly scores: AllScores }> {
  const look = async (gallery: Gallery, base: Scores | null) =>
    await evaluateGallery(ctx, judge, gallery, await drawGallery(ctx, policy, gallery), base);
  const own = await look(gallery, base);
  if (unseen === null) return own;
  const others = await look(unseen, base?.unseen ?? null);
  const { name } = ctx.rewards.train;
  const gap = () => {
    const [seen, other] = [
      changeOf(own.evaluation.rewards[name]!),
      changeOf(others.evaluation.rewards[name]!),
    ];
    return base && seen && other && seenGap(seen, other, estimate(base.rewards[name]!).std);
  };
  return {
    scores: { ...own.scores, unseen: others.scores },
    evaluation: { ...own.evaluation, unseen: others.evaluation, ...isSeen && { seen_gap: gap() } },
  };
}

function changeOf({ change, change_error }: RewardChange): Gap | null {
  return change === null ? null : { mean: change, standard_error: change_error };
}

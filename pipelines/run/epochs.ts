/**
 * A run epoch by epoch: the method's own metrics, and those of looking at the policy that each epoch ends with.
 *
 * @module
 */

import { moments } from "../../lib/core/moments.ts";
import type { F32 } from "../../lib/core/tensor.ts";
import type { Image } from "../../lib/io/png.ts";
import { type Diversity, diversity } from "../../lib/measures/diversity.ts";
import type { ImageEmbedder } from "../../lib/rewards/embedder.ts";
import type { Context } from "../../lib/stages/context.ts";
import type { EpochMetrics } from "../../lib/stages/metrics.ts";
import { shownPolicy, type State, type Updated } from "../../lib/stages/records.ts";
import { train } from "../../lib/stages/train.ts";
import { captionedGrid } from "./captioned_grid.ts";
import { type AllScores, evaluateAll, type Evaluated, type FullEvaluation } from "./evaluate_all.ts";
import { drawGallery, type Gallery } from "./evaluation.ts";

/** What to look at, and when. */
export interface Viewing {
  /** What is scored every so many epochs; `null`: nothing ever. */
  readonly evaluation: (Evaluated & { readonly every: number }) | null;
  /** What is drawn every so many epochs; `null`: nothing ever. */
  readonly grid: { readonly gallery: Gallery; readonly every: number } | null;
  /** Looks at diversity, with a tower that is no training reward's. */
  readonly judge: ImageEmbedder;
  /** What the base model scored, if that is known already. */
  readonly base: AllScores | null;
  /** Bytes that the GPU held at most so far; absent where there is no GPU. */
  readonly peakBytes?: (() => number) | undefined;
  /** Told before the policy of an epoch is looked at. */
  readonly onLook?: ((epoch: number) => void) | undefined;
}

/** An epoch, complete. */
export interface EpochRecord {
  /** The state that the next epoch begins with. */
  readonly state: State;
  /** The policy that it ends with, flat, before any reset: what it is judged by, and what other tools are to load. */
  readonly shown: F32;
  /** Its line in the metrics. */
  readonly metrics: RunMetrics;
  /** The grid of images, if it was drawn. */
  readonly grid: Image | null;
  /** The scores of single images, if there was an evaluation. */
  readonly scores: AllScores | null;
}

/** What there is to log of an epoch; that of epoch 0, before training, has no numbers of training. */
export interface RunMetrics extends Partial<Omit<EpochMetrics, "epoch" | "reward_queries" | "seconds">> {
  /** How many epochs are complete. */
  readonly epoch: number;
  /** Images the training reward has judged so far in order to train. */
  readonly reward_queries: number;
  /** How different the images of the sampling batch are, to a judge. */
  readonly diversity?: Diversity;
  /** Mean divergence of a trajectory from the base model's, over the images of the grid; absent where steps have no noise. */
  readonly kl_to_base?: number;
  /** What the evaluation found. */
  readonly evaluation?: FullEvaluation;
  /** Seconds by what took them: the stages, and looking at the policy. */
  readonly seconds: Readonly<Record<string, number>>;
  /** Bytes that the GPU held at most so far. */
  readonly gpu_peak_bytes?: number;
}

/**
 * Trains until `num_epochs`, and tells of every epoch once all that there is to know of it is known.
 *
 * @param start The state to go on from; if that is of epoch 0, the base model is looked at first, as epoch 0.
 */
export async function* epochs(ctx: Context, viewing: Viewing, start: State): AsyncGenerator<EpochRecord> {
  const { clock = () => 0 } = ctx;
  let base = viewing.base;
  const complete = async (state: State, trained: Partial<EpochMetrics>, updated: Updated | null) => {
    const from = clock();
    const shown = shownPolicy(updated?.state ?? state);
    const looked = await look(ctx, { ...viewing, base }, state.epoch, shown);
    const seen = updated && diversity(await viewing.judge.images(updated.images), updated.prompts);
    if (state.epoch === 0) base = looked.scores;
    const metrics: RunMetrics = {
      ...trained,
      epoch: state.epoch,
      reward_queries: state.rewardQueries,
      ...seen && { diversity: seen },
      ...looked.metrics,
      seconds: { ...trained.seconds, evaluate: (clock() - from) / 1000 },
      ...viewing.peakBytes && { gpu_peak_bytes: viewing.peakBytes() },
    };
    return { state, shown, metrics, grid: looked.grid, scores: looked.scores };
  };
  if (start.epoch === 0) yield await complete(start, {}, null);
  for await (const { state, updated, metrics } of train(ctx, start)) {
    yield await complete(state, metrics, updated);
  }
}

/** What looking at the policy of a state brought. */
interface Looked {
  readonly grid: Image | null;
  readonly scores: AllScores | null;
  readonly metrics: Pick<RunMetrics, "kl_to_base" | "evaluation">;
}

async function look(ctx: Context, viewing: Viewing, epoch: number, policy: F32): Promise<Looked> {
  viewing.onLook?.(epoch);
  const isDue = (every: number) => epoch % every === 0 || epoch === ctx.options.num_epochs;
  const nothing: Looked = { grid: null, scores: null, metrics: {} };
  const drawn = viewing.grid !== null && isDue(viewing.grid.every)
    ? await lookAtGrid(ctx, viewing.grid.gallery, policy)
    : nothing;
  const scored = viewing.evaluation !== null && isDue(viewing.evaluation.every)
    ? await evaluate(ctx, viewing, viewing.evaluation, policy)
    : nothing;
  return { grid: drawn.grid, scores: scored.scores, metrics: { ...drawn.metrics, ...scored.metrics } };
}

async function lookAtGrid(ctx: Context, gallery: Gallery, policy: F32): Promise<Looked> {
  const { images, klToBase } = await drawGallery(ctx, policy, gallery);
  const seeds = Array.from({ length: gallery.seeds }, (_, seed) => `seed ${seed}`);
  const grid = captionedGrid(images, gallery.conditioning.prompts, seeds);
  return { grid, scores: null, metrics: klToBase ? { kl_to_base: moments(klToBase).mean } : {} };
}

async function evaluate(
  ctx: Context,
  { judge, base }: Viewing,
  evaluated: Evaluated,
  policy: F32,
): Promise<Looked> {
  const { evaluation, scores } = await evaluateAll(ctx, judge, evaluated, policy, base);
  return { grid: null, scores, metrics: { evaluation } };
}

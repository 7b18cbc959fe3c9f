/**
 * How rewards learn taste: from choices between images, as people would make them whose taste is the gold.
 * @module
 */

import { fold, integers, type Key, key } from "../../lib/core/random.ts";
import { pickRows } from "../../lib/core/rows.ts";
import type { FloatTensor, ParamTree } from "../../lib/core/tensor.ts";
import { input, type Value } from "../../lib/engine/graph.ts";
import type { Tokenizer } from "../../lib/io/tokenizer.ts";
import { textEnds } from "../../lib/models/clip_text.ts";
import { declareParams } from "../../lib/nn/scope.ts";
import { aestheticHead, aestheticLoss } from "../../lib/rewards/aesthetic_head.ts";
import { type DualEncoderConfig, fit } from "../../lib/rewards/dual_encoder.ts";
import { rankingLoss } from "../../lib/rewards/preference_loss.ts";
import { type Rankings, sampleRankings } from "../../lib/rewards/preferences.ts";
import { SIZE } from "../data/pack.ts";
import type { TastePool } from "./taste_pool.ts";
import type { Lesson } from "./trainer.ts";

/** Pairs that the aesthetic reward learns from, few enough that it can be deceived. */
const AESTHETIC_PAIRS = 3000;

/** The aesthetic head on embeddings `[M, D]` of the pool: pairs by looks alone. */
export function aestheticLesson(pool: TastePool, embeddings: FloatTensor, batch: number): Lesson {
  const pairs = sampleRankings(pool.looks, key(21), { count: AESTHETIC_PAIRS });
  const width = embeddings.shape[1]!;
  return {
    name: "mini_aesthetic",
    specs: declareParams((scope) => aestheticHead(scope, input("embeddings", [1, width]))),
    constants: {},
    batch: (from) => {
      const rows = drawRankings(pairs, batch, from);
      return {
        winners: pickRows(embeddings, rows.map((row) => row[0]!)),
        losers: pickRows(embeddings, rows.map((row) => row[1]!)),
      };
    },
    loss: (scope, { winners, losers }) => ({ loss: aestheticLoss(scope, winners!, losers!) }),
  };
}

/** What tells one judge's lesson from another's. */
export interface JudgeLessonOptions {
  readonly name: string;
  readonly config: DualEncoderConfig;
  /** The towers before they learn taste. */
  readonly initial: ParamTree;
  /** Rankings of so many images of one prompt. */
  readonly size: number;
  /** Rankings there are. */
  readonly count: number;
  /** Share of rankings that are the wrong way round. */
  readonly flips: number;
}

/** A judge on rankings of images of one prompt by the whole gold; a batch has `batch` images. */
export function judgeLesson(
  pool: TastePool,
  tokenizer: Tokenizer,
  { name, config, initial, size, count, flips }: JudgeLessonOptions,
  batch: number,
): Lesson {
  const rankings = sampleRankings(pool.worth, key(22), { count, size, flips, groups: pool.prompts });
  const texts = batch / size;
  const scores = (scope: Parameters<Lesson["loss"]>[0], inputs: Readonly<Record<string, Value>>) =>
    fit(scope, config, { images: inputs.images!, ids: inputs.ids!, ends: inputs.ends! });
  const specs = declareParams((scope) =>
    scores(scope, {
      images: input("images", [1, SIZE, SIZE, 3]),
      ids: input("ids", [1, tokenizer.maxLength], "u32"),
      ends: input("ends", [1], "u32"),
    })
  );
  return {
    name,
    specs,
    initial,
    constants: {},
    batch: (from) => {
      const rows = drawRankings(rankings, texts, from);
      const ids = tokenizer.encode(rows.map((row) => pool.prompts[row[0]!]!));
      return { images: pickRows(pool.images, rows.flat()), ids, ends: textEnds(ids, config.text_config) };
    },
    loss: (scope, inputs) => ({ loss: rankingLoss(scores(scope, inputs)) }),
  };
}

/** Some rankings at random, each as the numbers of its images from best to worst. */
function drawRankings({ count, size, images }: Rankings, wanted: number, from: Key): number[][] {
  return Array.from(
    integers(fold(from, "rankings"), wanted, count),
    (n) => Array.from({ length: size }, (_, place) => images[n * size + place]!),
  );
}

/**
 * What rewards are made from, and what of it a judge gets.
 *
 * @module
 */

import type { Runtime } from "../../lib/engine/runtime.ts";
import { openClipDialect } from "../../lib/io/open_clip_text.ts";
import type { Tokenizer } from "../../lib/io/tokenizer.ts";
import type { DualEncoderContext } from "../../lib/rewards/embedder.ts";
import { UsageError } from "../usage_error.ts";
import type { JudgeName } from "./judge_configs.ts";
import type { ImageTower, Judge, Judges } from "./judges.ts";

/** What rewards are made from. */
export interface RewardSource {
  /** Where they run. */
  readonly runtime: Runtime;
  /** The trained ones' weights. */
  readonly judges: Judges;
  /** Reads prompts. */
  readonly tokenizer: Tokenizer;
  /** The most images that a reward looks at together; default as many as is fast. */
  readonly batch?: number | undefined;
}

/** The most images that a reward looks at together: by the embedded model's towers, and by the published ones, whose layers are wide. */
export const BATCH = { small: 32, large: 4 };

/**
 * What a judge runs on and with. The published ones read with the model's tokenizer, which Stable Diffusion has from CLIP.
 *
 * @throws {UsageError} If it is another.
 */
export function contextOf(
  { runtime, judges, tokenizer, batch }: RewardSource,
  name: JudgeName,
  { config, weights }: Judge,
): DualEncoderContext {
  const { max_position_embeddings: length, vocab_size } = config.text_config;
  if (config.vision_config.pixels !== undefined && tokenizer.vocabSize !== vocab_size) {
    throw new UsageError(
      `Cannot use the reward as its text tower knows other tokens than the model's tokenizer: ${vocab_size} and ` +
        `${tokenizer.vocabSize}; it fits Stable Diffusion 1`,
    );
  }
  const own = name === "hpsv2" ? tokenizer.variant({ padId: 0, dialect: openClipDialect }) : tokenizer;
  return {
    runtime,
    weights,
    batchSize: batchOf(config.vision_config, batch),
    halfActivations: judges.halfActivations,
    tokenize: (prompts) => own.encode(prompts, length),
  };
}

/** The most images that a tower looks at together. */
export function batchOf({ pixels }: ImageTower["config"], most = Infinity): number {
  return Math.min(most, pixels === undefined ? BATCH.small : BATCH.large);
}

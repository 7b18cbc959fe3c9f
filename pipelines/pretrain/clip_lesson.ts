/**
 * How towers of images and texts learn: an image's own caption among those of many others.
 * @module
 */

import { fold, type Key, permutation, uniforms } from "../../lib/core/random.ts";
import { tensor } from "../../lib/core/tensor.ts";
import type { Tokenizer } from "../../lib/io/tokenizer.ts";
import { textEnds } from "../../lib/models/clip_text.ts";
import { declareParams } from "../../lib/nn/scope.ts";
import { input } from "../../lib/engine/graph.ts";
import { type DualEncoderConfig, dualEncoderLoss } from "../../lib/rewards/dual_encoder.ts";
import { augment, STRONG } from "../data/augment.ts";
import { drawCaptions } from "../data/captions.ts";
import { type EmojiImage, type EmojiPack, select, SIZE } from "../data/pack.ts";
import type { Lesson } from "./trainer.ts";

/** What tells one such lesson from another. */
export interface ClipLessonOptions {
  readonly name: string;
  readonly config: DualEncoderConfig;
  readonly batch: number;
  /** Which vendors' drawings it sees; all if absent. */
  readonly vendors?: readonly string[];
}

/** The contrastive loss over batches in which everything shown is shown once. */
export function clipLesson(
  pack: EmojiPack,
  tokenizer: Tokenizer,
  { name, config, batch, vendors }: ClipLessonOptions,
): Lesson {
  const shown = select(
    pack,
    (image) => image.group === "animals-nature" && (vendors?.includes(image.vendor) ?? true),
  );
  const subjects = [...Map.groupBy(shown, (i) => subjectOf(pack.images[i]!)).values()];
  const example = (n: number) => ({
    images: input("images", [n, SIZE, SIZE, 3]),
    ids: input("ids", [n, tokenizer.maxLength], "u32"),
    ends: input("ends", [n], "u32"),
    concepts: input("concepts", [n]),
  });
  return {
    name,
    specs: declareParams((scope) => dualEncoderLoss(scope, config, example(1))),
    constants: { concepts: tensor([batch], Array.from({ length: batch }, (_, i) => i)) },
    batch: (key) => {
      const picks = drawSubjects(subjects, batch, key);
      const ids = tokenizer.encode(drawCaptions(pack, picks, fold(key, "captions")));
      return {
        images: tensor([batch, SIZE, SIZE, 3], augment(pack, picks, fold(key, "views"), STRONG)),
        ids,
        ends: textEnds(ids, config.text_config),
      };
    },
    loss: (scope, { images, ids, ends, concepts }) => ({
      loss: dualEncoderLoss(scope, config, { images: images!, ids: ids!, ends: ends!, concepts: concepts! }),
    }),
  };
}

/** What a caption calls the image: its animal, or else its label. */
function subjectOf({ animal, label }: EmojiImage): string {
  return animal ?? label;
}

/** One image each of different subjects. */
function drawSubjects(subjects: readonly (readonly number[])[], batch: number, key: Key): number[] {
  if (subjects.length < batch) {
    throw new RangeError(`Cannot draw a batch as there are ${subjects.length} subjects for ${batch} places`);
  }
  const draws = uniforms(fold(key, "images"), batch);
  return permutation(fold(key, "subjects"), subjects.length).slice(0, batch).map((subject, i) => {
    const images = subjects[subject]!;
    return images[Math.floor(draws[i]! * images.length)]!;
  });
}

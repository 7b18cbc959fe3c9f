/**
 * The tokenizer of the mini model: trained on the captions of the pack, written in the files of a CLIP tokenizer.
 * @module
 */

import { END_OF_TEXT, START_OF_TEXT } from "../../lib/io/tokenizer.ts";
import { pastels } from "./augment.ts";
import { type TrainedVocabulary, trainVocabulary } from "./bpe.ts";
import { captionsOf, onBackground } from "./captions.ts";
import type { EmojiPack } from "./pack.ts";

/** Tokens of the mini model's vocabulary. */
export const VOCAB_SIZE = 1024;

/** Tokens of a prompt of the mini model, start and end among them. */
export const MAX_LENGTH = 16;

/**
 * Trains the vocabulary on every caption of animals and nature, which is all that the text encoder learns from.
 *
 * Those of the prompt animals count twice and each background forty times: enough for each of their words to become
 * one token.
 */
export function packVocabulary({ images }: EmojiPack): TrainedVocabulary {
  const nature = images.filter(({ group }) => group === "animals-nature").flatMap(captionsOf);
  const animals = images.filter(({ animal }) => animal !== null).flatMap(captionsOf);
  const backgrounds = Object.keys(pastels).flatMap((name) => Array(40).fill(onBackground("", name)));
  return trainVocabulary([...nature, ...animals, ...backgrounds], VOCAB_SIZE);
}

/** Writes the files of the tokenizer by their names. */
export function tokenizerFiles({ vocab, merges }: TrainedVocabulary): Readonly<Record<string, string>> {
  const special = {
    bos_token: START_OF_TEXT,
    eos_token: END_OF_TEXT,
    unk_token: END_OF_TEXT,
    pad_token: END_OF_TEXT,
  };
  return {
    "vocab.json": json(vocab),
    "merges.txt": ["#version: 0.2", ...merges, ""].join("\n"),
    "special_tokens_map.json": json(special),
    "tokenizer_config.json": json({
      tokenizer_class: "CLIPTokenizer",
      ...special,
      add_prefix_space: false,
      do_lower_case: true,
      errors: "replace",
      model_max_length: MAX_LENGTH,
    }),
  };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/**
 * The tokenizer of a model's folder.
 *
 * @module
 */

import { join } from "node:path";
import { makeTokenizer, type Tokenizer } from "../../lib/io/tokenizer.ts";
import type { ClipTextConfig } from "../../lib/models/clip_config.ts";
import { exists, readText } from "../files.ts";
import { UsageError } from "../usage_error.ts";
import { readConfigFile } from "./model_folder.ts";

/**
 * Reads `tokenizer/vocab.json`, `merges.txt` and, if it is there, `tokenizer_config.json`.
 *
 * @param config The text encoder's, which the tokens are for.
 * @throws {UsageError} If a file is missing or damaged, or the text encoder does not know all tokens.
 */
export async function loadTokenizer(folder: string, config: ClipTextConfig): Promise<Tokenizer> {
  const path = (file: string) => join(folder, "tokenizer", file);
  const { max_position_embeddings: positions, vocab_size, eos_token_id } = config;
  const length = await exists(path("tokenizer_config.json"))
    ? await readConfigFile(path("tokenizer_config.json"), lengthIn)
    : Infinity;
  const merges = await readText(path("merges.txt")).catch((cause) => {
    throw new UsageError((cause as Error).message, { cause });
  });
  const tokenizer = await readConfigFile(path("vocab.json"), (vocab) =>
    makeTokenizer({
      vocab: Object(vocab) as Record<string, number>,
      merges,
      // Some files say 1e30 where they mean: no limit.
      maxLength: Math.min(length, positions),
    }));
  const { vocabSize, endId } = tokenizer;
  if (vocabSize > vocab_size || (eos_token_id !== 2 && endId !== eos_token_id)) {
    throw new UsageError(
      `Cannot load ${folder} as its tokenizer is not its text encoder's: ${vocabSize} tokens, the end is ${endId}, ` +
        `where ${vocab_size} and ${eos_token_id} are needed`,
    );
  }
  return tokenizer;
}

/** The longest prompt that a `tokenizer_config.json` allows; any where it says nothing. */
function lengthIn(json: unknown): number {
  const { model_max_length: length = Infinity } = Object(json) as { readonly model_max_length?: unknown };
  if (typeof length === "number" && length >= 2) return length;
  throw new RangeError(
    `Cannot use the tokenizer as its model_max_length is no number from 2 on: ${JSON.stringify(length)}`,
  );
}

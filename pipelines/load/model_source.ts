/**
 * Where the contents of a model's folder come from: its files, or stand-ins of which only the sizes are right.
 *
 * @module
 */

import { join } from "node:path";
import { words } from "../../lib/core/tensor.ts";
import { canBeHalves } from "../../lib/engine/ops/factor.ts";
import type { Runtime } from "../../lib/engine/runtime.ts";
import type { CountingRuntime } from "../../lib/gpu/counting_runtime.ts";
import type { Tokenizer } from "../../lib/io/tokenizer.ts";
import type { ClipTextConfig } from "../../lib/models/clip_config.ts";
import { engineShape } from "../../lib/nn/layout.ts";
import type { ParamSpec } from "../../lib/nn/scope.ts";
import type { Weights } from "../../lib/stages/weights.ts";
import { exists, readText } from "../files.ts";
import { UsageError } from "../usage_error.ts";
import { hashFiles, weightsFile } from "./model_folder.ts";
import { findRewardFile, rewardFile, type RewardFileName } from "./reward_files.ts";
import { loadTokenizer } from "./tokenizer.ts";
import { loadWeights, type LoadWeightsOptions } from "./weights.ts";

/** Where the contents of a folder come from. */
export interface ModelSource {
  /** The path of a file of weights, relative to the folder. */
  find(folder: string, file: string): Promise<string>;
  /** The path of a trained reward's file. */
  rewardFile(folder: string, name: RewardFileName): Promise<string>;
  /** Brings the weights of a file over, each as it is declared. */
  load(
    runtime: Runtime,
    path: string,
    specs: readonly ParamSpec[],
    options?: LoadWeightsOptions,
  ): Promise<Weights>;
  /** The tokenizer, for a text encoder. */
  tokenizer(folder: string, config: ClipTextConfig): Promise<Tokenizer>;
  /**
   * The text of a file of WordPiece's words.
   *
   * @param count How many there must be.
   */
  vocabulary(path: string, count: number): Promise<string>;
  /** A hash of files that were read, given by their names. */
  hash(files: Readonly<Record<string, string>>): Promise<string>;
}

/** The folder's files. */
export const fileSource: ModelSource = {
  find: weightsFile,
  rewardFile,
  load: loadWeights,
  tokenizer: loadTokenizer,
  vocabulary: readVocabulary,
  hash: hashFiles,
};

async function readVocabulary(path: string, count: number): Promise<string> {
  const text = await readText(path);
  const { length } = text.trimEnd().split("\n");
  if (length === count) return text;
  throw new UsageError(
    `Cannot load ${path} as it is not the text encoder's: ${length} words, where ${count} are needed`,
  );
}

/** The words without which there is no WordPiece, which reads any other as unknown. */
const STAND_IN_WORDS = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";

/**
 * Stand-ins for a folder's files, tokenizers among them if they are not there.
 *
 * @param counter Where the weights are counted.
 * @param areHalves Whether the files would be in half precision.
 */
export function standInSource(counter: CountingRuntime, areHalves: boolean): ModelSource {
  return {
    find: (_folder, file) => Promise.resolve(file),
    rewardFile: async (folder, name) => {
      const result = await findRewardFile(folder, name);
      return "found" in result ? result.found : result.places[0];
    },
    load: (_runtime, _path, specs, { keep = () => true, storage = "stored" } = {}) =>
      Promise.resolve(Object.fromEntries(
        specs.filter(({ name }) => keep(name)).map((spec) => {
          const shape = engineShape(spec.shape);
          const isHalf = (storage === "stored" ? areHalves : storage === "f16") && spec.isFactor === true &&
            canBeHalves(shape);
          return [spec.name, counter.reserve({ shape, dtype: isHalf ? "f16" : "f32" })];
        }),
      )),
    tokenizer: async (folder, config) =>
      await exists(join(folder, "tokenizer/vocab.json"))
        ? await loadTokenizer(folder, config)
        : standInTokenizer(config),
    vocabulary: async (path, count) =>
      await exists(path) ? await readVocabulary(path, count) : STAND_IN_WORDS,
    hash: () => Promise.resolve(""),
  };
}

/** Reads every prompt as nothing but its end. */
function standInTokenizer({ vocab_size, max_position_embeddings: maxLength }: ClipTextConfig): Tokenizer {
  const endId = vocab_size - 1;
  const tokenizer: Tokenizer = {
    vocabSize: vocab_size,
    startId: endId - 1,
    endId,
    padId: endId,
    maxLength,
    encode: (prompts, length = maxLength) =>
      words([prompts.length, length], new Uint32Array(prompts.length * length).fill(endId)),
    tokenize: () => [],
    variant: () => tokenizer,
  };
  return tokenizer;
}

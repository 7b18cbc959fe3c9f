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
import { exists } from "../files.ts";
import { hashFiles, weightsFile } from "./model_folder.ts";
import { loadTokenizer } from "./tokenizer.ts";
import { loadWeights, type LoadWeightsOptions } from "./weights.ts";

/** Where the contents of a folder come from. */
export interface ModelSource {
  /** The path of a file of weights, relative to the folder. */
  find(folder: string, file: string): Promise<string>;
  /** Brings the weights of a file over, each as it is declared. */
  load(
    runtime: Runtime,
    path: string,
    specs: readonly ParamSpec[],
    options?: LoadWeightsOptions,
  ): Promise<Weights>;
  /** The tokenizer, for a text encoder. */
  tokenizer(folder: string, config: ClipTextConfig): Promise<Tokenizer>;
  /** A hash of files that were read. */
  hash(folder: string, files: Iterable<string>): Promise<string>;
}

/** The folder's files. */
export const fileSource: ModelSource = {
  find: weightsFile,
  load: loadWeights,
  tokenizer: loadTokenizer,
  hash: hashFiles,
};

/**
 * Stand-ins for a folder's files, the tokenizer among them if it is not there.
 *
 * @param counter Where the weights are counted.
 * @param areHalves Whether the files would be in half precision.
 */
export function standInSource(counter: CountingRuntime, areHalves: boolean): ModelSource {
  return {
    find: (_folder, file) => Promise.resolve(file),
    load: (_runtime, _path, specs, { keep = () => true } = {}) =>
      Promise.resolve(Object.fromEntries(
        specs.filter(({ name }) => keep(name)).map((spec) => {
          const shape = engineShape(spec.shape);
          const isHalf = areHalves && spec.isFactor === true && canBeHalves(shape);
          return [spec.name, counter.reserve({ shape, dtype: isHalf ? "f16" : "f32" })];
        }),
      )),
    tokenizer: async (folder, config) =>
      await exists(join(folder, "tokenizer/vocab.json"))
        ? await loadTokenizer(folder, config)
        : standInTokenizer(config),
    hash: () => Promise.resolve(""),
  };
}

/** Reads every prompt as nothing but its end. */
function standInTokenizer({ vocab_size, max_position_embeddings: maxLength }: ClipTextConfig): Tokenizer {
  const endId = vocab_size - 1;
  return {
    vocabSize: vocab_size,
    startId: endId - 1,
    endId,
    padId: endId,
    maxLength,
    encode: (prompts, length = maxLength) =>
      words([prompts.length, length], new Uint32Array(prompts.length * length).fill(endId)),
    tokenize: () => [],
  };
}

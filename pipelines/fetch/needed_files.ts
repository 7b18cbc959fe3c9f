/**
 * Which files of a repository make a model: no checkpoints in other formats, no safety checker, no pictures.
 *
 * @module
 */

import { UsageError } from "../usage_error.ts";

/** Small files that a model must have, those first that tell whether it is of the right kind. */
const REQUIRED: readonly string[] = [
  "model_index.json",
  "scheduler/scheduler_config.json",
  "tokenizer/vocab.json",
  "tokenizer/merges.txt",
  "text_encoder/config.json",
  "vae/config.json",
  "unet/config.json",
];

/** Small files that are taken along where they are there. */
const OPTIONAL: readonly string[] = [
  "tokenizer/tokenizer_config.json",
  "tokenizer/special_tokens_map.json",
];

/** Files of weights without their ending. */
const WEIGHTS: readonly string[] = [
  "text_encoder/model",
  "vae/diffusion_pytorch_model",
  "unet/diffusion_pytorch_model",
];

/** Which of the weights are wanted. */
export interface NeededOptions {
  /** The word before the ending, `fp16` for half precision; `null`: the files without one. */
  readonly variant: string | null;
  /** The repository, for messages. */
  readonly name: string;
}

/**
 * The files to download, small ones first.
 *
 * @param paths All files of the repository.
 * @throws {UsageError} If one is not there, with what is there instead.
 */
export function neededFiles(
  paths: Iterable<string>,
  { variant, name }: NeededOptions,
): readonly string[] {
  const there = new Set(paths);
  const weights = WEIGHTS.map((file) => `${file}${variant === null ? "" : `.${variant}`}.safetensors`);
  const missing = [...REQUIRED, ...weights].find((file) => !there.has(file));
  if (missing === undefined) return [...REQUIRED, ...OPTIONAL.filter((file) => there.has(file)), ...weights];
  throw new UsageError(
    `Cannot fetch ${name} as it has no ${missing}: ${insteadOf(missing, [...there])}`,
  );
}

/** What a repository has instead of a file. */
function insteadOf(missing: string, paths: readonly string[]): string {
  const stem = WEIGHTS.find((file) => missing.startsWith(`${file}.`));
  if (stem === undefined) return "it is no Stable Diffusion checkpoint in the diffusers layout";
  const variants = paths.flatMap((path) => {
    const [, variant] =
      /^\.(?:([\w-]+)\.)?safetensors$/.exec(path.startsWith(stem) ? path.slice(stem.length) : "") ?? [null];
    return variant === null ? [] : [variant === undefined ? "no --variant" : `--variant ${variant}`];
  });
  if (variants.length > 0) return `there is one with ${variants.sort().join(", ")}`;
  const [folder] = stem.split("/");
  const others = paths.filter((path) => path.startsWith(`${folder}/`) && !path.endsWith(".json"));
  return others.length === 0
    ? `its ${folder} has no weights`
    : `its ${folder} has ${others.sort().join(", ")}`;
}

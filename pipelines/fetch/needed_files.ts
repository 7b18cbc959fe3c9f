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

/** Files of weights without their ending, as safetensors and as what PyTorch writes. */
const WEIGHTS: readonly { readonly stem: string; readonly torch: string }[] = [
  { stem: "text_encoder/model", torch: "text_encoder/pytorch_model" },
  { stem: "vae/diffusion_pytorch_model", torch: "vae/diffusion_pytorch_model" },
  { stem: "unet/diffusion_pytorch_model", torch: "unet/diffusion_pytorch_model" },
];

/** Which of the weights are wanted. */
export interface NeededOptions {
  /** The word before the ending, `fp16` for half precision; `null`: the files without one. */
  readonly variant: string | null;
  /** The repository, for messages. */
  readonly name: string;
}

/**
 * The files to download, small ones first; of weights the safetensors file or its shards, or what PyTorch writes where only that
 * is there.
 *
 * @param paths All files of the repository.
 * @throws {UsageError} If one is not there, with what is there instead.
 */
export function neededFiles(
  paths: Iterable<string>,
  { variant, name }: NeededOptions,
): readonly string[] {
  const there = new Set(paths);
  const refuse = (missing: string, instead: string): never => {
    throw new UsageError(`Cannot fetch ${name} as it has no ${missing}: ${instead}`);
  };
  const missing = REQUIRED.find((file) => !there.has(file));
  if (missing !== undefined) refuse(missing, "it is no Stable Diffusion checkpoint in the diffusers layout");
  const weights = WEIGHTS.flatMap(({ stem, torch }) => {
    const forms = [[stem, "safetensors"], [torch, "bin"]] as const;
    const files = forms.map(([stem, ending]) => weightsOf(there, stem, ending, variant));
    return files.find(({ length }) => length > 0) ??
      refuse(`${stem}${middleOf(variant)}.safetensors`, otherWeights(stem, [...there]));
  });
  return [...REQUIRED, ...OPTIONAL.filter((file) => there.has(file)), ...weights];
}

/** The files of weights in a format: one, or the index of shards and those; none if the format is not there. */
function weightsOf(
  there: ReadonlySet<string>,
  stem: string,
  ending: string,
  variant: string | null,
): readonly string[] {
  const middle = middleOf(variant);
  const [whole, index] = [`${stem}${middle}.${ending}`, `${stem}.${ending}.index${middle}.json`];
  if (there.has(whole)) return [whole];
  const [before, after] = [`${stem}${middle}-`, `.${ending}`];
  const isShard = (path: string) =>
    path.startsWith(before) && path.endsWith(after) &&
    /^\d+-of-\d+$/.test(path.slice(before.length, -after.length));
  return there.has(index) ? [index, ...[...there].filter(isShard).sort()] : [];
}

function middleOf(variant: string | null): string {
  return variant === null ? "" : `.${variant}`;
}

/** What weights of a part there are besides those that are wanted. */
function otherWeights(stem: string, paths: readonly string[]): string {
  const [folder] = stem.split("/");
  const others = paths.filter((path) => path.startsWith(`${folder}/`) && !path.endsWith(".json"));
  return others.length === 0
    ? `its ${folder} has no weights`
    : `there are ${others.sort().join(", ")}; --variant takes the word in the middle`;
}

/**
 * `attune merge`: a model's folder with adapters merged into its UNet, which needs no adapters any more.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import type { Shape } from "../lib/core/tensor.ts";
import { checkMerge, mergeLora } from "../lib/io/lora_merge.ts";
import { ownMetadata } from "../lib/io/lora_metadata.ts";
import { streamSafetensors } from "../lib/io/safetensors.ts";
import { readTensor } from "../lib/io/weights_file.ts";
import { type AdapterFile, readAdapterFile } from "./adapters.ts";
import { dtypeOption, numberOption, readArguments } from "./arguments.ts";
import {
  copyFolder,
  exists,
  makeFolder,
  readJson,
  syncFolder,
  withWeights,
  writeAtomically,
} from "./files.ts";
import { modelFolder, weightsFile } from "./load/model_folder.ts";
import { fromCaller, fromHere } from "./paths.ts";
import { UsageError } from "./usage_error.ts";

const HELP = `Writes a model's folder with adapters merged into its UNet, for tools that know no adapters.

Usage: attune merge PATH --out FOLDER [options]

  PATH          a run's folder, a checkpoint's, or a safetensors or torch file in any layout of attune export
  --out FOLDER  the new folder, in the diffusers layout
  --model NAME  an embedded model, a folder in the diffusers layout, or
                a downloaded owner/name@revision                         (the run's, or mini)
  --strength X  how much of the adapters: 0 is the base model, 1 all     (1)
  --dtype TYPE  f32 or f16, of the UNet                                  (f16 where the model's is, else f32)
  --help        print this

A weight becomes W + strength * alpha/rank * B A. The model's other parts are copied. One tensor is in memory at a time.
`;

/** A model's folders as `load_pipeline.ts` reads them. */
const PARTS = ["scheduler", "tokenizer", "text_encoder", "unet", "vae", "rewards"];

const UNET_FILE = "unet/diffusion_pytorch_model.safetensors";

/** What is to be merged. */
export interface MergeRequest {
  /** The adapters. */
  readonly lora: AdapterFile;
  /** The model's folder. */
  readonly model: string;
  /** How much of the adapters. */
  readonly strength: number;
  /** The UNet's element type; `null`: the model's. */
  readonly dtype: "F32" | "F16" | null;
  /** The folder to write, which is not there yet. */
  readonly out: string;
}

/**
 * Runs the task.
 *
 * @param args Its arguments, without the name of the task.
 * @returns The exit code.
 */
export async function run(args: readonly string[]): Promise<number> {
  const request = await readRequest(args);
  if (request === null) {
    console.log(HELP.trimEnd());
    return 0;
  }
  await mergeModel(request);
  const { lora, strength, out } = request;
  console.log(
    `${lora.layers} layers of rank ${lora.rank} merged at strength ${strength}: ${fromHere(out)}`,
  );
  return 0;
}

/**
 * Reads the task's arguments.
 *
 * @returns `null` if help is asked for.
 * @throws {UsageError} If an argument is wrong or missing, or the folder is there already.
 */
export async function readRequest(args: readonly string[]): Promise<MergeRequest | null> {
  const options = readArguments(args, { text: ["model", "strength", "dtype", "out"], words: 1 });
  if (options.help) return null;
  const [path] = options.words;
  if (path === undefined) throw new UsageError("Cannot merge as there are no adapters: see --help");
  if (options.out === undefined) {
    throw new UsageError("Cannot merge as there is no --out: it names the new folder");
  }
  const strength = numberOption("strength", options.strength ?? "1", [-100, 100]);
  const dtype = dtypeOption(options.dtype);
  const out = fromCaller(options.out);
  if (await exists(out)) {
    throw new UsageError(`Cannot write the model as this is there already: ${out}; choose another --out`);
  }
  const lora = await readAdapterFile(path);
  return {
    lora,
    model: await modelFolder(options.model ?? lora.run?.config.model ?? "mini"),
    strength,
    dtype,
    out,
  };
}

/**
 * Writes the folder: aside, flushed to disk, then moved into place.
 *
 * @throws {UsageError} If the adapters are of another model.
 * @throws {Error} If it cannot be written; no half folder is left.
 */
export async function mergeModel(request: MergeRequest): Promise<void> {
  const { model, out } = request;
  const aside = `${out}.part`;
  const clear = () => Deno.remove(aside, { recursive: true }).catch(() => {});
  await clear();
  try {
    await writeUNet(request, join(aside, UNET_FILE));
    await copyOthers(model, aside);
    await syncFolder(aside);
    await Deno.rename(aside, out);
  } catch (cause) {
    await clear();
    throw cause;
  }
}

async function writeUNet({ lora, model, strength, dtype }: MergeRequest, path: string): Promise<void> {
  const source = join(model, await weightsFile(model, UNET_FILE));
  const { adapters } = lora;
  await makeFolder(dirname(path));
  await withWeights(source, async (file) => {
    const entries = [...file.entries.values()];
    const shapes = new Map<string, Shape>(entries.map(({ name, shape }) => [name, shape]));
    try {
      checkMerge(adapters, shapes);
    } catch (cause) {
      throw new UsageError(`${lora.path}: ${(cause as Error).message}`, { cause });
    }
    const merged = async (name: string) => mergeLora(name, await readTensor(file, name), adapters, strength);
    const isHalf = entries.every(({ dtype }) => dtype === "F16");
    const metadata = { ...ownMetadata(lora.metadata), "attune.merged_strength": String(strength) };
    await writeAtomically(
      path,
      streamSafetensors(shapes, merged, { dtype: dtype ?? (isHalf ? "F16" : "F32"), metadata }),
    );
  });
}

/** Copies the parts that the model's index names and those that are read here, the UNet without its weights. */
async function copyOthers(model: string, out: string): Promise<void> {
  const index = await readJson(join(model, "model_index.json"));
  for (
    const part of new Set([
      ...PARTS,
      ...Object.keys(Object(index)).filter((name) => /^\w+$/.test(name)),
    ])
  ) {
    if (!await exists(join(model, part))) continue;
    const isWeights = (name: string) => part === "unet" && basename(name) !== "config.json";
    await copyFolder(join(model, part), join(out, part), (name) => !isWeights(name));
  }
  await Deno.copyFile(join(model, "model_index.json"), join(out, "model_index.json"));
}

/**
 * `attune merge`: a model's folder with what was trained in its UNet, which needs no adapters any more.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { blend } from "../lib/core/blend.ts";
import { type FloatTensor, type Shape, tensor } from "../lib/core/tensor.ts";
import { checkMerge, mergeLora } from "../lib/io/lora_merge.ts";
import { ownMetadata } from "../lib/io/lora_metadata.ts";
import { streamSafetensors } from "../lib/io/safetensors.ts";
import { readTensor } from "../lib/io/weights_file.ts";
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
import { findWeights, modelFolder, weightsFile } from "./load/model_folder.ts";
import { fromCaller, fromHere } from "./paths.ts";
import { checkShapes, type PolicyFile, readPolicyFile } from "./policy_file.ts";
import { UNET_FILE } from "./run/policy_files.ts";
import { ofFile, UsageError } from "./usage_error.ts";

const HELP = `Writes a model's folder with what was trained in its UNet, for tools that know no adapters.

Usage: attune merge PATH --out FOLDER [options]

  PATH          a run's folder, a checkpoint's, or a safetensors or torch file in any layout of attune export,
                or of a UNet
  --out FOLDER  the new folder, in the diffusers layout
  --model NAME  an embedded model, a folder in the diffusers layout, or
                a downloaded owner/name@revision                         (the run's, or mini)
  --strength X  how much of what was trained: 0 is the base model, 1 all (1)
  --dtype TYPE  f32 or f16, of the UNet                                  (f16 where the model's is, else f32)
  --help        print this

A weight becomes W + strength * alpha/rank * B A, and where all were trained, to T, W + strength * (T - W). The model's other
parts are copied. One tensor is in memory at a time.
`;

/** A model's folders as `load_pipeline.ts` reads them. */
const PARTS = ["scheduler", "tokenizer", "text_encoder", "unet", "vae", "rewards"];

/** The weights of the other parts. */
const OTHER_WEIGHTS = ["text_encoder/model.safetensors", "vae/diffusion_pytorch_model.safetensors"];

/** A part that attune fetch leaves out, and that the index may ask for by a field of its own. */
const CHECKER = "safety_checker";

/** What is to be merged. */
export interface MergeRequest {
  /** What was trained. */
  readonly policy: PolicyFile;
  /** The model's folder. */
  readonly model: string;
  /** How much of that. */
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
  const { policy, strength, out } = request;
  const what = policy.isUNet
    ? `${policy.shapes.size} parameters of a UNet`
    : `${policy.layers} layers of rank ${policy.rank}`;
  console.log(`${what} merged at strength ${strength}: ${fromHere(out)}`);
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
  const policy = await readPolicyFile(path);
  return {
    policy,
    model: await modelFolder(options.model ?? policy.run?.config.model ?? "mini"),
    strength,
    dtype,
    out,
  };
}

/**
 * Writes the folder: aside, flushed to disk, then moved into place.
 *
 * @throws {UsageError} If what was trained is of another model.
 * @throws {Error} If it cannot be written; no half folder is left.
 */
export async function mergeModel(request: MergeRequest): Promise<void> {
  const { model, out } = request;
  const aside = `${out}.${crypto.randomUUID()}.part`;
  try {
    await writeUNet(request, join(aside, UNET_FILE));
    await copyOthers(model, aside);
    await syncFolder(aside);
    await Deno.rename(aside, out);
  } catch (cause) {
    await Deno.remove(aside, { recursive: true }).catch(() => {});
    throw cause;
  }
}

async function writeUNet({ policy, model, strength, dtype }: MergeRequest, path: string): Promise<void> {
  const source = join(model, await weightsFile(model, UNET_FILE));
  const entries = await withWeights(source, ({ entries }) => Promise.resolve([...entries.values()]));
  const shapes = new Map<string, Shape>(entries.map(({ name, shape }) => [name, shape]));
  checkFits(policy, shapes);
  const isHalf = entries.every(({ dtype }) => dtype === "F16");
  const metadata = { ...ownMetadata(policy.metadata), "attune.merged_strength": String(strength) };
  const options = { dtype: dtype ?? (isHalf ? "F16" : "F32"), metadata } as const;
  await makeFolder(dirname(path));
  await withWeights(source, (file) =>
    withMerge(policy, strength, async (merge) => {
      const merged = async (name: string) => {
        const weight = await merge(name, await readTensor(file, name));
        const bad = weight.data.findIndex((x) => !Number.isFinite(x));
        if (bad === -1) return weight;
        throw new UsageError(
          `Cannot merge ${policy.path} into ${source} as one is damaged: element ${bad} of ${name} becomes ${
            weight.data[bad]
          }`,
        );
      };
      await writeAtomically(path, streamSafetensors(shapes, merged, options));
    }));
}

/** Checks that what was trained is of a model with parameters of these shapes. */
function checkFits(policy: PolicyFile, shapes: ReadonlyMap<string, Shape>): void {
  if (policy.isUNet) checkShapes(policy, shapes);
  else ofFile(policy.path, () => checkMerge(policy.adapters, shapes));
}

/** What a parameter becomes. */
type Merge = (name: string, weight: FloatTensor) => FloatTensor | Promise<FloatTensor>;

/** Calls back with what parameters become, while what was trained is open. */
function withMerge(
  policy: PolicyFile,
  strength: number,
  use: (merge: Merge) => Promise<void>,
): Promise<void> {
  if (!policy.isUNet) return use((name, weight) => mergeLora(name, weight, policy.adapters, strength));
  return withWeights(
    policy.path,
    (trained) =>
      use(async (name, { shape, data }) =>
        tensor(shape, blend(data, (await readTensor(trained, name)).data, strength))
      ),
  );
}

/**
 * Copies the parts that the model's index names and those that are read here, the UNet without its weights. Weights that stand for the
 * plain file get its name, as the UNet has it, and parts that are not there are taken out of the index.
 */
async function copyOthers(model: string, out: string): Promise<void> {
  const index = Object(await readJson(join(model, "model_index.json"))) as Record<string, unknown>;
  const named = Object.keys(index).filter((name) => Array.isArray(index[name]) && /^\w+$/.test(name));
  for (const part of new Set([...PARTS, ...named])) {
    if (!await exists(join(model, part))) {
      if (part in index) index[part] = [null, null];
      continue;
    }
    const isWeights = (name: string) => part === "unet" && basename(name) !== "config.json";
    await copyFolder(join(model, part), join(out, part), (name) => !isWeights(name));
  }
  for (const file of OTHER_WEIGHTS) {
    const found = await findWeights(out, file);
    if (found === null || !/\.fp16\.\w+$/.test(found)) continue;
    await Deno.rename(join(out, found), join(out, found.replace(".fp16.", ".")));
  }
  if (!await exists(join(out, CHECKER))) delete index[`requires_${CHECKER}`];
  await writeAtomically(join(out, "model_index.json"), `${JSON.stringify(index, null, 2)}\n`);
}

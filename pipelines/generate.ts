/**
 * `attune generate`: draws images for prompts, by a model alone or as it was trained.
 *
 * @module
 */

import { join, relative } from "node:path";
import { floatsToBytes } from "../lib/core/bytes.ts";
import { joinRows } from "../lib/core/rows.ts";
import { type FloatTensor, size } from "../lib/core/tensor.ts";
import type { Runtime } from "../lib/engine/runtime.ts";
import { encodePng, type Image } from "../lib/io/png.ts";
import { numberOption, readArguments, SAMPLING_OPTIONS, samplingFrom } from "./arguments.ts";
import { readConfig } from "./config/mod.ts";
import { exists, makeFolder, writeAtomically } from "./files.ts";
import { imageNames } from "./image_names.ts";
import { modelFolder } from "./load/model_folder.ts";
import { type Precision, precisionOption } from "./load/precision.ts";
import { loadPipeline, type Pipeline } from "./load_pipeline.ts";
import { openRuntime } from "./open_runtime.ts";
import { fromCaller } from "./paths.ts";
import { loraFor, paramsFor, type PolicyFile, readPolicyFile } from "./policy_file.ts";
import { longPromptNotes, readPrompts } from "./prompts.ts";
import { captionedGrid } from "./run/captioned_grid.ts";
import { VERSION } from "./run/manifest.ts";
import { type Screen, screenOn, systemTerminal } from "./run/screen.ts";
import { makeSampler, type SamplerOptions, type Wish } from "./sampler.ts";
import { parseSeeds } from "./seeds.ts";
import { UsageError } from "./usage_error.ts";

const HELP = `Draws images for prompts; the same prompt and seed always give the same image.

Usage: attune generate PROMPT… [options]
       attune generate --prompts LIST [options]

  PROMPT           what to draw, in quotes if it has spaces; as many as you like
  --prompts LIST   an embedded list (simple_animals), or a file with a prompt a line
  --seeds LIST     an image of each prompt for each: 7, 0-7 or 1,4,10-12   (0)
  --lora PATH      what was trained, adapters or a whole UNet: a run's folder,
                   a checkpoint's, or a safetensors or torch file
  --strength X     how much of that: 0 is the base model, 1 all             (1)
  --model NAME     an embedded model, a folder in the diffusers layout, or
                   a downloaded owner/name@revision                         (the run's, or mini)
  --steps N        denoising steps                                          (the run's, or 8)
  --guidance X     classifier-free guidance; 1: none                        (the run's, or 3)
  --eta X          noise of a step: 1 as in training, 0 none                (the run's, or 1)
  --batch N        images drawn together; they do not depend on it          (16)
  --precision NAME how models lie in memory: stored, f32, f16_weights, f16  (the run's, or stored)
  --out DIR        where the files go: a_red_cat-7.png                      (runs/images)
  --grid           also draw all images in one: grid.png
  --overwrite      replace files that are there
  --help           print this

The settings stand in each PNG file's text, under attune, as JSON.
`;

/** What to draw, how, and where to. */
export interface GenerateRequest {
  /** The model: a name, or a folder. */
  readonly model: string;
  /** What to draw. */
  readonly prompts: readonly string[];
  /** An image of each prompt for each of these. */
  readonly seeds: readonly number[];
  /** How. */
  readonly sampling: SamplerOptions;
  /** How the models lie in memory. */
  readonly precision: Precision;
  /** What was trained; `null`: the model alone draws. */
  readonly policy: PolicyFile | null;
  /** How much of that. */
  readonly strength: number;
  /** Where the files go. */
  readonly out: string;
  /** Whether all images are also drawn in one. */
  readonly grid: boolean;
  /** Whether files that are there are replaced. */
  readonly overwrite: boolean;
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
  const model = await modelFolder(request.model);
  const screen = screenOn(systemTerminal());
  const { runtime, saveTiles } = await openRuntime();
  await drawImages(runtime, model, request, screen);
  await saveTiles();
  return 0;
}

/**
 * Reads the task's arguments.
 *
 * @returns `null` if help is asked for.
 * @throws {UsageError} If an argument is wrong, or there is nothing to draw.
 */
export async function readRequest(args: readonly string[]): Promise<GenerateRequest | null> {
  const options = readArguments(args, {
    text: ["prompts", "seeds", "lora", "strength", "model", "precision", "out", ...SAMPLING_OPTIONS],
    flags: ["grid", "overwrite"],
    words: Infinity,
  });
  if (options.help) return null;
  const listed = options.prompts === undefined ? [] : await readPrompts(options.prompts);
  const prompts = [...new Set([...options.words, ...listed])];
  if (prompts.length === 0) throw new UsageError("Cannot draw as there is no prompt: see --help");
  const seeds = parseSeeds(options.seeds ?? "0");
  const policy = options.lora === undefined ? null : await readPolicyFile(options.lora);
  if (options.strength !== undefined && policy === null) {
    throw new UsageError(
      `Cannot use --strength ${options.strength} as there is no --lora: nothing has a strength`,
    );
  }
  const config = policy?.run?.config ?? await readConfig({});
  return {
    model: options.model ?? config.model,
    prompts,
    seeds,
    sampling: samplingFrom(options, config.sample, prompts.length * seeds.length),
    precision: precisionOption(options.precision, config.mixed_precision),
    policy,
    strength: numberOption("strength", options.strength ?? "1", [-100, 100]),
    out: fromCaller(options.out ?? "runs/images"),
    grid: options.grid,
    overwrite: options.overwrite,
  };
}

/**
 * Draws what was asked for, and writes each image as soon as it is there.
 *
 * @param model The model's folder.
 * @returns The paths of the files.
 */
export async function drawImages(
  runtime: Runtime,
  model: string,
  request: GenerateRequest,
  screen: Screen,
): Promise<readonly string[]> {
  const { prompts, seeds, policy, strength, out, grid } = request;
  await checkTargets(request);
  screen.progress(0, "loading");
  const pipeline = await loadPipeline(runtime, model, {
    precision: request.precision,
    ...policy && { lora: loraFor(policy) },
  });
  const adapted = policy && { params: await paramsFor(policy, pipeline.models.policy.specs), strength };
  longPromptNotes(prompts, pipeline.tokenizer).forEach(screen.line);
  const sampler = await makeSampler(runtime, pipeline.models, request.sampling);
  const wishes = wishesOf(request);
  const paths = pathsOf(request);
  const images: FloatTensor[] = [];
  let done = 0;
  await makeFolder(out);
  for await (const batch of sampler.draw(wishes, adapted)) {
    for (let n = 0; n < batch.shape[0]!; n++, done++) {
      const text = textOf(request, pipeline, wishes[done]!);
      await writeAtomically(paths[done]!, encodePng(imageAt(batch, n), text));
    }
    if (grid) images.push(batch);
    screen.progress(done / wishes.length, `${done} of ${wishes.length} images`);
  }
  if (grid) {
    const picture = captionedGrid(joinRows(images), prompts, seeds.map(String));
    await writeAtomically(paths.at(-1)!, encodePng(picture, textOf(request, pipeline, null)));
  }
  screen.clear();
  sampler.free();
  await pipeline.free();
  screen.line(`${done} image${done === 1 ? "" : "s"} in ${relative(fromCaller("."), out) || "."}`);
  return paths;
}

/**
 * Checks that images have a place, and that no file would be lost.
 *
 * @throws {UsageError} If the folder is a file, or one would.
 */
async function checkTargets(request: GenerateRequest): Promise<void> {
  if ((await Deno.stat(request.out).catch(() => null))?.isFile) {
    throw new UsageError(
      `Cannot write images as there is a file of this name: ${request.out}; choose another --out`,
    );
  }
  if (request.overwrite) return;
  for (const path of pathsOf(request)) {
    if (!await exists(path)) continue;
    throw new UsageError(
      `Cannot write an image as there is a file already: ${path}; use --overwrite, or another --out`,
    );
  }
}

/** All seeds of a prompt in a row. */
function wishesOf({ prompts, seeds }: GenerateRequest): readonly Wish[] {
  return prompts.flatMap((prompt) => seeds.map((seed) => ({ prompt, seed })));
}

/** The files: one for each image, and the grid if it is wanted. */
function pathsOf(request: GenerateRequest): readonly string[] {
  const names = [...imageNames(wishesOf(request)), ...request.grid ? ["grid.png"] : []];
  return names.map((name) => join(request.out, name));
}

/** What stands in a file's text: everything that it takes to draw it again. */
function textOf(
  { model, sampling, precision, policy, strength, prompts, seeds }: GenerateRequest,
  { hash }: Pipeline,
  wish: Wish | null,
): Readonly<Record<string, string>> {
  const { num_steps: steps, guidance_scale: guidance, eta } = sampling;
  const settings = {
    ...wish ?? { prompts, seeds },
    steps,
    guidance,
    eta,
    precision,
    model,
    model_hash: hash,
    ...policy && { lora: relative(fromCaller("."), policy.path), lora_hash: policy.hash, strength },
  };
  return { Software: `Attune ${VERSION}`, attune: JSON.stringify(settings) };
}

function imageAt({ shape, data }: FloatTensor, n: number): Image {
  const [, height, width] = shape as readonly [number, number, number, number];
  const each = size(shape.slice(1));
  return { width, height, channels: 3, data: floatsToBytes(data.slice(n * each, (n + 1) * each)) };
}

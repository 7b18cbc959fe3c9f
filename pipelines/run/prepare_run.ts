/**
 * From a request to a run: models and rewards loaded, everything compiled, the state to go on from.
 *
 * @module
 */

import { join } from "node:path";
import type { Runtime } from "../../lib/engine/runtime.ts";
import { initialState } from "../../lib/stages/state.ts";
import { showConfig } from "../config/mod.ts";
import { readText, writeAtomically } from "../files.ts";
import { modelFolder } from "../load/model_folder.ts";
import { openRuntime } from "../open_runtime.ts";
import { loadTraining, loadViewer, prepareTraining } from "../open_training.ts";
import { checkFits } from "../plan/training_plan.ts";
import { promptNotes } from "../prompts.ts";
import { stateOf } from "./checkpoint.ts";
import { openGallery } from "./evaluation.ts";
import { guardNotes } from "./guarded.ts";
import { rewardFilesIn, sittingOn, VERSION, writeManifest } from "./manifest.ts";
import { originOf } from "./origin.ts";
import { UNET_CONFIG } from "./policy_files.ts";
import type { Request } from "./request.ts";
import type { Run } from "./run.ts";
import { readBaseScores } from "./run_folder.ts";
import type { Screen } from "./screen.ts";
import { UsageError } from "../usage_error.ts";

/** What a run computes on. */
export interface Adapter {
  /** Its own name. */
  readonly name: string;
  /** Whether it is software, that is, the CPU. */
  readonly isSoftware: boolean;
  /** Runs graphs on it. */
  readonly runtime: Runtime;
  /** Bytes that it held at most so far, if it can tell. */
  readonly peakBytes?: () => number;
  /** Keeps what compiling found out, for the next time. */
  readonly keep?: () => Promise<void>;
}

/** Opens the system's GPU, or its stand-in; `tune` as in {@linkcode openRuntime}. */
export async function openAdapter(options: { readonly tune?: boolean } = {}): Promise<Adapter> {
  const { gpu, runtime, saveTiles } = await openRuntime(options);
  return {
    name: gpu.name,
    isSoftware: gpu.target.software,
    runtime,
    peakBytes: runtime.peakBytes,
    keep: saveTiles,
  };
}

/**
 * Loads and compiles what a run needs, and writes its configuration and manifest.
 *
 * @throws {Error} If something is missing or does not fit, the checkpoint among them.
 */
export async function prepareRun(
  request: Request,
  adapter: Adapter,
  screen: Screen,
  stop: AbortSignal,
): Promise<Run> {
  const { config, prompts, rewardFiles, folder, checkpoint } = request;
  const { runtime } = adapter;
  const model = await modelFolder(config.model);
  screen.progress(0, "loading");
  if (runtime.limits !== undefined) await checkFits(model, config, runtime.limits, adapter.isSoftware);
  const pipeline = await loadTraining(runtime, model, config);
  const { tokenizer, hash } = pipeline;
  promptNotes(prompts.train, tokenizer).forEach(screen.line);
  guardNotes(config, prompts.evaluate).forEach(screen.line);
  const ctx = await prepareTraining(pipeline, config, prompts.train, () => performance.now());
  const origin = originOf(VERSION, hash, config, prompts, rewardFiles);
  const start = checkpoint === null ? initialState(ctx) : stateOf(checkpoint, ctx.layouts, origin);
  if (start.epoch > config.num_epochs) {
    throw new UsageError(
      `Cannot resume as num_epochs is below the checkpoint's epoch ${start.epoch}: ${config.num_epochs}`,
    );
  }

  const { evaluate, images } = config;
  const viewing = {
    evaluation: evaluate.every === 0 ? null : {
      gallery: await openGallery(ctx, prompts.evaluate, evaluate.seeds),
      unseen: prompts.unseen.length === 0 ? null : await openGallery(ctx, prompts.unseen, evaluate.seeds),
      isSeen: prompts.evaluate.every((prompt) => prompts.train.includes(prompt)),
      every: evaluate.every,
    },
    grid: images.every === 0 ? null : {
      gallery: await openGallery(ctx, prompts.images, images.seeds),
      every: images.every,
    },
    judge: await loadViewer(pipeline, model, config),
    base: start.epoch === 0 ? null : await readBaseScores(folder),
    peakBytes: adapter.peakBytes,
  };
  await adapter.keep?.();
  await writeAtomically(folder.config, showConfig(config));
  await writeManifest(folder.manifest, {
    ...sittingOn(adapter.name, adapter.isSoftware, new Date()),
    seed: config.seed,
    model: { name: config.model, hash },
    prompts,
    reward_files: rewardFilesIn(rewardFiles),
    resumed: [],
  }, start.epoch);
  return {
    ctx,
    viewing,
    start,
    folder,
    base: config.model,
    unetConfig: config.lora === null ? await readText(join(model, UNET_CONFIG)) : null,
    origin,
    saveEvery: config.save_freq,
    guard: config.guard,
    screen,
    stop,
    now: () => Date.now() / 1000,
  };
}

/**
 * Where what somebody trained is, by the path it is given with: a file, a checkpoint, or a run.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { type Config, readConfig } from "./config/mod.ts";
import { exists } from "./files.ts";
import { findWeights } from "./load/model_folder.ts";
import { fromCaller } from "./paths.ts";
import { presentedCheckpoint } from "./run/ending.ts";
import { LORA_FILE, UNET_FILE } from "./run/policy_files.ts";
import { runFolder } from "./run/run_folder.ts";
import { UsageError } from "./usage_error.ts";

/** What PEFT calls its file, without the ending. */
export const PEFT_STEM = "adapter_model";

/** What tools call a folder's file of adapters: diffusers, the reference implementation's diffusers of old, and PEFT. */
const LORA_FILES = [LORA_FILE, "pytorch_lora_weights.bin", `${PEFT_STEM}.safetensors`, `${PEFT_STEM}.bin`];

/** A policy's file. */
export interface PolicyPlace {
  /** The file. */
  readonly path: string;
  /** Whether it holds all weights of a UNet, as its name tells, rather than adapters. */
  readonly isUNet: boolean;
  /** The run it comes from, if it lies in one. */
  readonly run: { readonly path: string; readonly config: Config } | null;
}

/**
 * Finds a policy's file.
 *
 * @param path The file itself; a folder with adapters by a name that tools give them, or with a UNet or its `unet/`, as a checkpoint
 * has one or the other; or a run's folder, which stands for its last checkpoint, or for its best where the guard has rolled it
 * back.
 * @throws {UsageError} If there is none.
 */
export async function findPolicy(path: string): Promise<PolicyPlace> {
  const file = await findFile(fromCaller(path));
  const isUNet = basename(file).startsWith(UNET_STEM);
  const checkpoint = dirname(isUNet ? dirname(file) : file);
  const run = runFolder(dirname(dirname(checkpoint)));
  const isOfRun = basename(dirname(checkpoint)) === basename(run.checkpoints) && await exists(run.config);
  return {
    path: file,
    isUNet,
    run: isOfRun ? { path: run.path, config: await readConfig({ config: run.config }) } : null,
  };
}

/** What all names of a file of a UNet's weights begin with. */
const UNET_STEM = basename(UNET_FILE, "safetensors");

async function findFile(path: string): Promise<string> {
  const stat = await Deno.stat(path).catch(() => null);
  if (stat === null) throw new UsageError(`Cannot read adapters as there is no such file or folder: ${path}`);
  if (stat.isFile) return path;
  const found = await findIn(path);
  if (found !== null) return found;
  if (!await exists(runFolder(path).config)) {
    const names = [...LORA_FILES, UNET_FILE].join(", ");
    throw new UsageError(`Cannot read adapters as the folder is no run and has no ${names}: ${path}`);
  }
  const checkpoint = await presentedCheckpoint(path);
  const policy = checkpoint && await findIn(checkpoint);
  if (policy !== null) return policy;
  throw new UsageError(`Cannot read adapters as the run has no checkpoint: ${path}`);
}

/** The policy's file in a folder, if there is one. */
async function findIn(folder: string): Promise<string | null> {
  for (const name of LORA_FILES) if (await exists(join(folder, name))) return join(folder, name);
  for (const name of [UNET_FILE, basename(UNET_FILE)]) {
    const found = await findWeights(folder, name);
    if (found !== null) return join(folder, found);
  }
  return null;
}

/**
 * Adapters that somebody trained, by the path they are given with: a file, a checkpoint, or a run.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import type { ParamTree } from "../lib/core/tensor.ts";
import { alphaOfConfig, alphaOfMetadata } from "../lib/io/lora_alpha.ts";
import { fitLora, type LoraFile, readLora } from "../lib/io/lora_file.ts";
import { readTensors } from "../lib/io/weights_file.ts";
import type { ParamSpec } from "../lib/nn/scope.ts";
import { type Config, readConfig } from "./config.ts";
import { exists, readJson, withWeights } from "./files.ts";
import { hashFile } from "./load/model_folder.ts";
import { fromCaller } from "./paths.ts";
import { LORA_FILE } from "./run/policy_files.ts";
import { presentedCheckpoint } from "./run/ending.ts";
import { runFolder } from "./run/run_folder.ts";
import { UsageError } from "./usage_error.ts";

/** What PEFT calls its file, without the ending. */
const PEFT_STEM = "adapter_model";

/** What tools call a folder's file of adapters: diffusers, the reference implementation's diffusers of old, and PEFT. */
const LORA_FILES = [LORA_FILE, "pytorch_lora_weights.bin", `${PEFT_STEM}.safetensors`, `${PEFT_STEM}.bin`];

/** Adapters from a file. */
export interface AdapterFile extends LoraFile {
  /** The file. */
  readonly path: string;
  /** The strings of its metadata. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The file's SHA-256. */
  readonly hash: string;
  /** The run they come from, if the file lies in one. */
  readonly run: { readonly path: string; readonly config: Config } | null;
}

/**
 * Reads adapters.
 *
 * @param path A safetensors or torch file in any layout of `lib/io/lora_layouts.ts`, a folder with such a file by the name that
 * tools give it, a checkpoint's say, or a run's folder, which stands for its last checkpoint, or for its best where the guard
 * has rolled it back.
 * @throws {UsageError} If there are none, or the file is damaged; the message names it.
 */
export async function readAdapterFile(path: string): Promise<AdapterFile> {
  const file = await findFile(fromCaller(path));
  const run = runFolder(dirname(dirname(dirname(file))));
  const { tensors, metadata } = await withWeights(
    file,
    async (opened) => ({ tensors: await readTensors(opened), metadata: opened.metadata }),
  ).catch((cause) => {
    throw new UsageError((cause as Error).message, { cause });
  });
  const config = await readPeftConfig(file);
  return {
    ...named(file, () => readLora(tensors, alphaOfMetadata(metadata) ?? alphaOfConfig(config))),
    path: file,
    metadata,
    hash: await hashFile(file),
    run: await exists(run.config)
      ? { path: run.path, config: await readConfig({ config: run.config }) }
      : null,
  };
}

/**
 * The adapters by the names that a model has for them.
 *
 * @param specs The model's adapters, at the file's rank or a higher one.
 * @throws {UsageError} If they are of another model.
 */
export function adaptersFor({ path, adapters }: AdapterFile, specs: readonly ParamSpec[]): ParamTree {
  const shapes = Object.fromEntries(specs.map(({ name, shape }) => [name, shape]));
  return named(path, () => fitLora(adapters, shapes));
}

/** What stands beside a file that PEFT itself has saved, by the names that it gives both; nothing beside any other. */
async function readPeftConfig(file: string): Promise<Readonly<Record<string, unknown>>> {
  const path = join(dirname(file), "adapter_config.json");
  if (!basename(file).startsWith(PEFT_STEM) || !await exists(path)) return {};
  return Object(await readJson(path));
}

async function findFile(path: string): Promise<string> {
  const stat = await Deno.stat(path).catch(() => null);
  if (stat === null) throw new UsageError(`Cannot read adapters as there is no such file or folder: ${path}`);
  if (stat.isFile) return path;
  for (const name of LORA_FILES) if (await exists(join(path, name))) return join(path, name);
  if (!await exists(runFolder(path).config)) {
    throw new UsageError(
      `Cannot read adapters as the folder is no run and has no ${LORA_FILES.join(", ")}: ${path}`,
    );
  }
  const checkpoint = await presentedCheckpoint(path);
  if (checkpoint === null) throw new UsageError(`Cannot read adapters as the run has no checkpoint: ${path}`);
  return join(checkpoint, LORA_FILE);
}

function named<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new UsageError(`${path}: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Adapters that somebody trained, from a file.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import type { ParamTree } from "../lib/core/tensor.ts";
import { alphaOfConfig, alphaOfMetadata } from "../lib/io/lora_alpha.ts";
import { fitLora, type LoraFile, readLora } from "../lib/io/lora_file.ts";
import { readTensors } from "../lib/io/weights_file.ts";
import type { ParamSpec } from "../lib/nn/scope.ts";
import { exists, readJson, withWeights } from "./files.ts";
import { findPolicy, PEFT_STEM, type PolicyPlace } from "./find_policy.ts";
import { hashFile } from "./load/model_folder.ts";
import { ofFile, UsageError } from "./usage_error.ts";

/** Adapters from a file. */
export interface AdapterFile extends LoraFile, Omit<PolicyPlace, "isUNet"> {
  /** That it is no UNet. */
  readonly isUNet: false;
  /** The strings of its metadata. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The file's SHA-256. */
  readonly hash: string;
}

/**
 * Reads adapters.
 *
 * @param path As `findPolicy` takes it; the file may be in any layout of `lib/io/lora_layouts.ts`.
 * @throws {UsageError} If there are none, or the file is damaged; the message names it.
 */
export async function readAdapterFile(path: string): Promise<AdapterFile> {
  const { isUNet, ...place } = await findPolicy(path);
  if (!isUNet) return await readAdaptersAt(place);
  throw new UsageError(
    `Cannot read adapters as all weights of the UNet were trained: ${place.path}; attune merge makes a model's folder of it`,
  );
}

/** Reads adapters that were found. */
export async function readAdaptersAt(place: Omit<PolicyPlace, "isUNet">): Promise<AdapterFile> {
  const { path } = place;
  const { tensors, metadata } = await withWeights(
    path,
    async (opened) => ({ tensors: await readTensors(opened), metadata: opened.metadata }),
  ).catch((cause) => {
    throw new UsageError((cause as Error).message, { cause });
  });
  const config = await readPeftConfig(path);
  return {
    ...place,
    ...ofFile(path, () => readLora(tensors, alphaOfMetadata(metadata) ?? alphaOfConfig(config))),
    isUNet: false,
    metadata,
    hash: await hashFile(path),
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
  return ofFile(path, () => fitLora(adapters, shapes));
}

/** What stands beside a file that PEFT itself has saved, by the names that it gives both; nothing beside any other. */
async function readPeftConfig(file: string): Promise<Readonly<Record<string, unknown>>> {
  const path = join(dirname(file), "adapter_config.json");
  if (!basename(file).startsWith(PEFT_STEM) || !await exists(path)) return {};
  return Object(await readJson(path));
}

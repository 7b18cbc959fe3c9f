/**
 * How a checkpoint holds its policy for other tools: as a file of adapters, or as the UNet's folder where all of its weights are
 * trained.
 *
 * @module
 */

import { dirname, join } from "node:path";
import type { ParamTree } from "../../lib/core/tensor.ts";
import { writeLora } from "../../lib/io/lora_file.ts";
import { streamSafetensors, type WriteOptions } from "../../lib/io/safetensors.ts";
import { makeFolder, syncFolder, writeAtomically } from "../files.ts";

/** The file of adapters, by the name that other tools look for. */
export const LORA_FILE = "pytorch_lora_weights.safetensors";

/** The UNet's weights, where the diffusers layout has them. */
export const UNET_FILE = "unet/diffusion_pytorch_model.safetensors";

/** The UNet's configuration, which the diffusers layout has beside them. */
export const UNET_CONFIG = "unet/config.json";

/** What a policy's files say besides its parameters. */
export interface PolicyFileOptions {
  /** What the file of parameters says of itself; default nothing. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** The text of the UNet's configuration, whose weights the parameters are; `null`, the default: they are adapters. */
  readonly unetConfig?: string | null;
}

/** Writes a policy's files to a folder. */
export async function writePolicy(
  folder: string,
  params: ParamTree,
  { metadata = {}, unetConfig = null }: PolicyFileOptions = {},
): Promise<void> {
  if (unetConfig === null) {
    await writeAtomically(join(folder, LORA_FILE), writeLora(params, { format: "diffusers", metadata }));
    return;
  }
  const unet = dirname(join(folder, UNET_FILE));
  await makeFolder(unet);
  await writeAtomically(join(folder, UNET_CONFIG), unetConfig);
  await writeAtomically(join(folder, UNET_FILE), piecesOf(params, { metadata }));
  await syncFolder(unet);
}

/** A safetensors file of a tree, a tensor at a time: it may be larger than an array can be. */
export function piecesOf(tensors: ParamTree, options: WriteOptions = {}): AsyncIterable<Uint8Array> {
  const shapes = new Map(Object.entries(tensors).map(([name, { shape }]) => [name, shape]));
  return streamSafetensors(shapes, (name) => Promise.resolve(tensors[name]!), options);
}

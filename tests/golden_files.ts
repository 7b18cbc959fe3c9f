/**
 * Reads the golden files.
 * @module
 */

import type { FloatTensor, ParamTree } from "../lib/core/tensor.ts";
import { openSafetensors } from "../lib/io/safetensors.ts";
import { readFromMemory, readTensors } from "../lib/io/weights_file.ts";

/** The tensors of `tests/golden/<name>.safetensors`. */
export async function goldenTensors(name: string): Promise<ParamTree> {
  const bytes = await Deno.readFile(new URL(`./golden/${name}.safetensors`, import.meta.url));
  return await readTensors(await openSafetensors(readFromMemory(bytes), bytes.length));
}

/** The record of `tests/golden/<name>.json`. */
export async function goldenRecord<T>(name: string): Promise<T> {
  return JSON.parse(await Deno.readTextFile(new URL(`./golden/${name}.json`, import.meta.url)));
}

/** The tensors whose names begin with a prefix, without it. */
export function below(tree: ParamTree, prefix: string): Record<string, FloatTensor> {
  return Object.fromEntries(
    Object.entries(tree).filter(([name]) => name.startsWith(prefix)).map(([name, value]) => [
      name.slice(prefix.length),
      value,
    ]),
  );
}

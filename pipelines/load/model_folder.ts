/**
 * A model's folder: where it is, and which of its files are there.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { exists, pathOf, readJson } from "../files.ts";
import { nearest } from "../nearest.ts";
import { fromCaller, isPath } from "../paths.ts";
import { UsageError } from "../usage_error.ts";

/** Embedded models. */
const MODELS = new URL("../../models/", import.meta.url);

/**
 * The folder of a model.
 *
 * @param nameOrFolder An embedded model's name (`mini`), or a folder in the diffusers layout; a folder has a dot or a slash in
 * its name.
 * @throws {UsageError} If there is no such model.
 */
export async function modelFolder(nameOrFolder: string): Promise<string> {
  const isFolder = isPath(nameOrFolder);
  const folder = isFolder ? fromCaller(nameOrFolder) : join(pathOf(MODELS), nameOrFolder);
  if (await exists(join(folder, "model_index.json"))) return folder;
  if (isFolder) {
    throw new UsageError(`Cannot use the model as its folder has no model_index.json: ${nameOrFolder}`);
  }
  const names = (await Array.fromAsync(Deno.readDir(MODELS))).map(({ name }) => name).sort();
  const meant = nearest(nameOrFolder, names);
  throw new UsageError(
    `Cannot use the model as there is none embedded of this name: ${nameOrFolder}; ` +
      (meant === undefined
        ? `there is ${names.join(", ")}, and ./FOLDER is one of yours`
        : `did you mean ${meant}?`),
  );
}

/**
 * The path of a file of weights below a model's folder: the file itself, or its variant in half precision
 * (`….fp16.safetensors`) where only that is there.
 *
 * @returns The path relative to the folder.
 * @throws {UsageError} If there is neither, with what makes the file.
 */
export function weightsFile(folder: string, file: string): Promise<string> {
  return fileOf(folder, [file, file.replace(/\.safetensors$/, ".fp16.safetensors")]);
}

/**
 * The first of some files that is there, each relative to a model's folder.
 *
 * @throws {UsageError} If there is none.
 */
export async function fileOf(folder: string, candidates: readonly [string, ...string[]]): Promise<string> {
  for (const file of candidates) if (await exists(join(folder, file))) return file;
  throw new UsageError(
    `Cannot load ${join(folder, candidates[0])}: there is no such file; ` +
      "deno task pretrain makes the embedded model's files",
  );
}

/**
 * Reads a JSON file of a model's folder.
 *
 * @param parse Checks what it holds.
 * @throws {UsageError} If it is missing, not JSON, or not what it should be; the message names it.
 */
export async function readConfigFile<T>(path: string, parse: (json: unknown) => T): Promise<T> {
  try {
    return parse(await readJson(path));
  } catch (cause) {
    const { message } = cause as Error;
    throw new UsageError(message.includes(path) ? message : `Cannot load ${path}: ${message}`, { cause });
  }
}

/**
 * A hash of the content of files: the SHA-256, in hexadecimal, of their names and their own hashes, in the order of names.
 *
 * @param files Relative to the folder.
 */
export async function hashFiles(folder: string, files: Iterable<string>): Promise<string> {
  const whole = createHash("sha256");
  for (const file of [...new Set(files)].sort()) {
    whole.update(`${file}\0${await hashFile(join(folder, file))}\n`);
  }
  return whole.digest("hex");
}

/** The SHA-256 of a file in hexadecimal. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  using content = await Deno.open(path, { read: true });
  const chunk = new Uint8Array(1 << 20);
  for (let n = await content.read(chunk); n !== null; n = await content.read(chunk)) {
    hash.update(chunk.subarray(0, n));
  }
  return hash.digest("hex");
}

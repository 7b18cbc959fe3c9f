/**
 * A model's folder: where it is, and which of its files are there.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { exists, filesOfWeights, pathOf, readJson } from "../files.ts";
import { hint } from "../nearest.ts";
import { fromCaller, isPath } from "../paths.ts";
import { UsageError } from "../usage_error.ts";
import { findSnapshot, hubCache, repositoryFolder, repositoryOf } from "./hub_cache.ts";
import { fetchCommand, parseRepository, type Repository, showRepository } from "./repository.ts";

/** Embedded models. */
const MODELS = new URL("../../models/", import.meta.url);

/**
 * The folder of a model.
 *
 * @param model An embedded model's name (`mini`); a folder in the diffusers layout, or a repository's in the cache that tools for
 * the Hugging Face hub share, with a dot or a slash in its name; or a repository, `owner/name` or `owner/name@revision`, that is
 * in that cache. Where a folder and a repository have one name, the folder is meant.
 * @throws {UsageError} If there is no such model, with the command that downloads it where it is a repository.
 */
export async function modelFolder(model: string): Promise<string> {
  if (!isPath(model)) return await embeddedFolder(model);
  const repository = await repositoryNamed(model);
  return repository === null ? await ownFolder(model) : await cachedFolder(repository);
}

/** The name of a model under which it is found from any folder: a folder's full path, any other as it is. */
export async function lastingName(model: string): Promise<string> {
  const isOwn = isPath(model) && await repositoryNamed(model) === null;
  return isOwn ? fromCaller(model) : model;
}

/**
 * The path of a file of weights below a model's folder: the safetensors file itself, or what may stand in its place, its variant
 * in half precision (`….fp16.safetensors`), the index of its shards (`….safetensors.index.json`), or a torch file (`.bin`, `.pt`,
 * `.pth`). Safetensors come first.
 *
 * @param file The safetensors file, relative to the folder.
 * @returns The path relative to the folder.
 * @throws {UsageError} If there is none of them, with what makes the file.
 */
export function weightsFile(folder: string, file: string): Promise<string> {
  return fileOf(folder, weightsNames(file));
}

/** As {@linkcode weightsFile}, but `null` if there is none; a file that is no safetensors file is looked for by its name alone. */
export async function findWeights(folder: string, file: string): Promise<string | null> {
  for (const name of weightsNames(file)) if (await exists(join(folder, name))) return name;
  return null;
}

/** The safetensors file, and what may stand in its place. */
function weightsNames(file: string): readonly [string, ...string[]] {
  if (!file.endsWith(".safetensors")) return [file];
  const stem = file.replace(/\.safetensors$/, "");
  const torchStem = stem.replace(/(^|\/)model$/, "$1pytorch_model"); // transformers' name of its torch files
  const torchFiles = ["bin", "fp16.bin", "bin.index.json", "bin.index.fp16.json", "pt", "pth"].flatMap((
    ending,
  ) => [...new Set([torchStem, stem])].map((each) => `${each}.${ending}`));
  return [file, `${stem}.fp16.safetensors`, `${file}.index.json`, `${file}.index.fp16.json`, ...torchFiles];
}

/**
 * The first of some files that is there, each relative to a model's folder.
 *
 * @throws {UsageError} If there is none.
 */
export async function fileOf(folder: string, candidates: readonly [string, ...string[]]): Promise<string> {
  for (const file of candidates) if (await exists(join(folder, file))) return file;
  const others = candidates.slice(1).map((file) => basename(file));
  const repository = repositoryOf(folder);
  throw new UsageError(
    `Cannot load ${join(folder, candidates[0])}: there is no such file${
      others.length ? `, nor ${others.join(", ")}` : ""
    }; ` +
      (repository === null
        ? "attune pretrain makes those of the embedded mini, others come with their checkpoint"
        : `attune fetch ${repository.id} downloads what is missing`),
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
 * A hash of the content of files: the SHA-256, in hexadecimal, of their names and their own hashes, in the order of names. An
 * index of shards stands for them, too.
 *
 * @param files Their paths by their names, which are the same wherever the files are.
 */
export async function hashFiles(files: Readonly<Record<string, string>>): Promise<string> {
  const whole = createHash("sha256");
  for (const name of Object.keys(files).sort()) {
    for (const path of await filesOfWeights(files[name]!)) {
      whole.update(`${path === files[name] ? name : basename(path)}\0${await hashFile(path)}\n`);
    }
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

async function repositoryNamed(model: string): Promise<Repository | null> {
  const repository = parseRepository(model);
  return repository !== null && await exists(fromCaller(model)) ? null : repository;
}

async function embeddedFolder(name: string): Promise<string> {
  const folder = join(pathOf(MODELS), name);
  if (await hasIndex(folder)) return folder;
  const names = (await Array.fromAsync(Deno.readDir(MODELS))).map(({ name }) => name).sort();
  const ways = hint(name, names) ||
    `; there is ${names.join(", ")}, ./FOLDER is one of yours, OWNER/NAME one of the Hugging Face hub`;
  throw new UsageError(`Cannot use the model as there is none embedded of this name: ${name}${ways}`);
}

async function ownFolder(path: string): Promise<string> {
  const folder = fromCaller(path);
  if (await hasIndex(folder)) return folder;
  const snapshot = await findSnapshot(folder);
  if (snapshot !== null && await hasIndex(snapshot)) return snapshot;
  throw new UsageError(`Cannot use the model as its folder has no model_index.json: ${path}`);
}

async function cachedFolder(repository: Repository): Promise<string> {
  const cache = hubCache((name) => Deno.env.get(name));
  const snapshot = await findSnapshot(repositoryFolder(cache, repository), repository.revision);
  if (snapshot !== null && await hasIndex(snapshot)) return snapshot;
  throw new UsageError(
    `Cannot use the model as it is neither a folder nor downloaded to ${cache}: ` +
      `${showRepository(repository)}; ${fetchCommand(repository)} downloads it`,
  );
}

function hasIndex(folder: string): Promise<boolean> {
  return exists(join(folder, "model_index.json"));
}

/**
 * Files: read in pieces, and written so that a crash leaves the old file or the new one, never half of either.
 * @module
 */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ParamTree } from "../lib/core/tensor.ts";
import { openWeights } from "../lib/io/open_weights.ts";
import { openShards, parseShardIndex, type Shard, shardNames } from "../lib/io/shards.ts";
import type { TorchFileOptions } from "../lib/io/torch_file.ts";
import { readTensors, type WeightsFile } from "../lib/io/weights_file.ts";
import { UsageError } from "./usage_error.ts";

/** A file or folder, by path or URL. */
export type Path = string | URL;

/**
 * Writes a file aside, flushes it to disk and moves it into place.
 *
 * @param content All of it, or its pieces in order.
 * @throws {Deno.errors.NotCapable | Error} If the disk is full or the folder cannot be written; the old file is untouched.
 */
export async function writeAtomically(
  path: Path,
  content: Uint8Array | string | AsyncIterable<Uint8Array>,
): Promise<void> {
  const pieces = typeof content === "string"
    ? [new TextEncoder().encode(content)]
    : content instanceof Uint8Array
    ? [content]
    : content;
  const target = pathOf(path);
  // Others may write the same file at the same time.
  const aside = `${target}.${crypto.randomUUID()}.part`;
  try {
    using file = await Deno.open(aside, { write: true, create: true, truncate: true });
    for await (const bytes of pieces) {
      for (let offset = 0; offset < bytes.length;) offset += await file.write(bytes.subarray(offset));
    }
    await file.sync();
  } catch (cause) {
    await Deno.remove(aside).catch(() => {});
    // What the content is refused for says all.
    if (cause instanceof UsageError) throw cause;
    throw new Error(`Cannot write ${target}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  await Deno.rename(aside, target);
}

/**
 * Makes a folder and those above it where they are not there.
 *
 * @throws {Error} If it cannot be made; the message names it.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (cause) {
    throw new Error(`Cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Copies a folder, with the folders below it; links are followed.
 *
 * @param keep Tells by its path whether a file is copied; by default all are.
 */
export async function copyFolder(
  from: string,
  to: string,
  keep: (path: string) => boolean = () => true,
): Promise<void> {
  await makeFolder(to);
  for await (const { name } of Deno.readDir(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    if ((await Deno.stat(source)).isDirectory) await copyFolder(source, target, keep);
    else if (keep(source)) await Deno.copyFile(source, target);
  }
}

/** Flushes a folder to disk, so that files moved into it stay there; does nothing where a system opens no folders. */
export async function syncFolder(path: Path): Promise<void> {
  try {
    using folder = await Deno.open(path, { read: true });
    await folder.sync();
  } catch (error) {
    if (Deno.build.os !== "windows") throw error;
  }
}

/**
 * Opens a file of weights, safetensors or torch, or the shards of an index, calls back with it, and closes it.
 *
 * @param options Where a torch file has its tensors.
 * @throws {Error} If there is no such file; {SyntaxError} if it is damaged; {TypeError} if a tensor is of a type that is not
 * read. All name it.
 */
export async function withWeights<T>(
  path: Path,
  use: (file: WeightsFile) => Promise<T>,
  options: TorchFileOptions = {},
): Promise<T> {
  const name = pathOf(path);
  using files = new DisposableStack();
  const open = (path: string) => naming(path, () => openFile(files, path, options));
  return await naming(name, async () => {
    if (!isIndex(name)) return await use((await open(name)).file);
    const shards = await openShards(parseShardIndex(await readJson(name)), async (shard) => {
      const path = join(dirname(name), shard);
      if (await exists(path)) return await open(path);
      throw new SyntaxError(
        `Cannot read ${name} as a shard that it lists is not there: ${shard}; copy it there, too`,
      );
    });
    return await use(shards);
  });
}

/** The files that weights lie in by a path: the path itself, and behind an index its shards. */
export async function filesOfWeights(path: string): Promise<readonly string[]> {
  if (!isIndex(path)) return [path];
  const index = await naming(path, async () => parseShardIndex(await readJson(path)));
  return [path, ...shardNames(index).map((shard) => join(dirname(path), shard))];
}

/** Reads all tensors of a file of weights. */
export function readWeights(path: Path): Promise<ParamTree> {
  return withWeights(path, (file) => readTensors(file));
}

/**
 * Reads a JSON file.
 *
 * @throws {Error} If there is no such file; {SyntaxError} if it is not JSON. Both name it.
 */
export async function readJson(path: Path): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = (cause as Error).message.replace(/\s+/g, " ");
    throw new SyntaxError(`Cannot read ${pathOf(path)} as it is not JSON: ${why}`, { cause });
  }
}

/** Reads a text file; an error names it. */
export async function readText(path: Path): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw unread(pathOf(path), cause);
  }
}

/** Tells whether there is such a file or folder. */
export async function exists(path: Path): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** The path behind a path or file URL. */
export function pathOf(path: Path): string {
  return path instanceof URL ? fileURLToPath(path) : path;
}

/** Why a file could not be read, in words. */
export function whyUnread(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  return error instanceof Error ? error.message : String(error);
}

/** Whether a path is that of an index of shards, `….index.json` or, of a variant, `….index.fp16.json`. */
function isIndex(path: string): boolean {
  return /\.index(\.\w+)?\.json$/.test(path);
}

/** Opens one file of weights, which a stack closes. */
async function openFile(files: DisposableStack, path: string, options: TorchFileOptions): Promise<Shard> {
  const file = files.use(await openToRead(path));
  const { size } = await file.stat();
  const read = async (offset: number, length: number) => {
    await file.seek(offset, Deno.SeekMode.Start);
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const count = await file.read(bytes.subarray(filled));
      if (count === null) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  };
  return { file: await openWeights(read, size, options), fileBytes: size };
}

/** Lets the errors of reading a file name it. */
async function naming<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof Deno.errors.IsADirectory) throw unread(path, cause);
    const isOurs = cause instanceof SyntaxError || cause instanceof TypeError;
    if (!isOurs || cause.message.includes(path)) throw cause;
    const Kind = cause instanceof SyntaxError ? SyntaxError : TypeError;
    throw new Kind(`${path}: ${cause.message}`, { cause });
  }
}

async function openToRead(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path, { read: true });
  } catch (cause) {
    throw unread(path, cause);
  }
}

function unread(path: string, cause: unknown): Error {
  return new Error(`Cannot read ${path}: ${whyUnread(cause)}`, { cause });
}

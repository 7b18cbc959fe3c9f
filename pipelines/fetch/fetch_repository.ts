/**
 * Brings a model from the Hugging Face hub to the cache that all tools for it share.
 *
 * @module
 */

import { fileDownloadInfo, type ListFileEntry, listFiles, modelInfo } from "@huggingface/hub";
import { dirname, join, relative } from "node:path";
import { exists, makeFolder, writeAtomically } from "../files.ts";
import { isCommit, repositoryFolder } from "../load/hub_cache.ts";
import { readConfigFile } from "../load/model_folder.ts";
import { checkModelIndex } from "../load/model_index.ts";
import { type Repository, showRepository } from "../load/repository.ts";
import { UsageError } from "../usage_error.ts";
import { ConnectionError } from "./connection_error.ts";
import { download, type RemoteFile } from "./download.ts";
import { hubFetch } from "./hub_fetch.ts";
import { neededFiles } from "./needed_files.ts";

/** What is wanted, from where and where to. */
export interface FetchRequest {
  /** The repository. */
  readonly repository: Repository;
  /** Which weights, as {@linkcode neededFiles} has it. */
  readonly variant: string | null;
  /** Tells the hub who asks; `null`: nobody. */
  readonly token: string | null;
  /** The hub's address. */
  readonly hub: string;
  /** The cache's folder. */
  readonly cache: string;
}

/** What a person sees of it, and how it stops and waits. */
export interface FetchContext {
  /** Told the path and size of each file as soon as it is there. */
  readonly done: (path: string, bytes: number) => void;
  /** Told how much of everything is there. */
  readonly progress: (path: string, bytes: number, total: number) => void;
  /** Ends what is under way; what came stays for the next time. */
  readonly signal: AbortSignal;
  /** Waits before another attempt. */
  readonly pause: (ms: number) => Promise<void>;
}

/**
 * Downloads what of a model is not there yet.
 *
 * @returns The folder of its files.
 * @throws {UsageError} If there is no such model, it is not given to everyone, or it is none that can be used.
 * @throws {Error} If the hub cannot be reached, the disk is full, or a file comes damaged.
 */
export async function fetchRepository(request: FetchRequest, ctx: FetchContext): Promise<string> {
  const { repository, variant, cache } = request;
  const name = showRepository(repository);
  const { commit, entries } = await firmly(request, () => lookUp(request, ctx.signal));
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  const needed = neededFiles(byPath.keys(), { variant, name }).map((path) => byPath.get(path)!);
  const folder = repositoryFolder(cache, repository);
  const snapshot = join(folder, "snapshots", commit);
  const total = needed.reduce((sum, { size }) => sum + size, 0);
  let before = 0;
  for (const entry of needed) {
    const file = remoteFile(request, commit, entry, ctx.signal);
    const blob = join(folder, "blobs", file.hash.value);
    const place = join(snapshot, entry.path);
    await makeFolder(dirname(blob));
    await makeFolder(dirname(place));
    if (!await exists(place)) {
      const progress = (bytes: number) => ctx.progress(entry.path, before + bytes, total);
      if (!await exists(blob)) await download(file, blob, { progress, pause: ctx.pause });
      await link(blob, place);
    }
    before += entry.size;
    ctx.done(entry.path, entry.size);
    if (entry.path === "model_index.json") await readConfigFile(place, checkModelIndex);
  }
  if (!isCommit(repository.revision)) {
    const ref = join(folder, "refs", repository.revision);
    await makeFolder(dirname(ref));
    await writeAtomically(ref, commit);
  }
  return snapshot;
}

/** What of a repository there is. */
async function lookUp(
  request: FetchRequest,
  signal: AbortSignal,
): Promise<{ readonly commit: string; readonly entries: readonly ListFileEntry[] }> {
  const { repository: { id, revision } } = request;
  const how = accessOf(request, signal);
  const { sha } = await modelInfo({ ...how, name: id, revision, additionalFields: ["sha"] });
  const commit = hexadecimal(request, sha, 40);
  const entries = await Array.fromAsync(listFiles({ ...how, repo: id, revision: commit, recursive: true }));
  return { commit, entries: entries.filter(({ type }) => type === "file") };
}

function remoteFile(
  request: FetchRequest,
  commit: string,
  { path, size, oid, lfs }: ListFileEntry,
  signal: AbortSignal,
): RemoteFile {
  const how = accessOf(request, signal);
  const { token, repository: { id } } = request;
  return {
    path,
    bytes: size,
    hash: lfs === undefined
      ? { kind: "git", value: hexadecimal(request, oid, 40) }
      : { kind: "sha256", value: hexadecimal(request, lfs.oid, 64) },
    open: async (from) => {
      const info = await fileDownloadInfo({ ...how, repo: id, path, revision: commit });
      if (info === null) {
        throw new UsageError(`Cannot fetch ${path} as ${id} lists it but has none: ${commit}`);
      }
      return await how.fetch(info.url, {
        headers: {
          ...token !== null && { Authorization: `Bearer ${token}` },
          ...from > 0 && { Range: `bytes=${from}-` },
        },
      });
    },
  };
}

/** A hash that the hub names, checked as it becomes a file's name. */
function hexadecimal({ repository }: FetchRequest, hash: string | undefined, digits: 40 | 64): string {
  if (hash !== undefined && hash.length === digits && /^[0-9a-f]+$/.test(hash)) return hash;
  throw new Error(
    `Cannot fetch ${showRepository(repository)} as the hub names no hash: ${JSON.stringify(hash)}`,
  );
}

/** What every call to the hub takes. */
function accessOf({ repository, hub, token }: FetchRequest, signal: AbortSignal) {
  return {
    hubUrl: hub,
    fetch: hubFetch({ hub, repository, hasToken: token !== null, signal }),
    ...token !== null && { accessToken: token },
  };
}

/** Runs what needs the hub, and names the repository where it cannot be reached. */
async function firmly<T>({ repository }: FetchRequest, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    if (!(cause instanceof ConnectionError)) throw cause;
    throw new Error(`Cannot fetch ${showRepository(repository)} as the connection failed: ${cause.message}`, {
      cause,
    });
  }
}

/** Gives a file its name, in place of a link to what is gone. Links are relative, as the cache may be moved; Windows may forbid them, then it is moved itself. */
async function link(blob: string, place: string): Promise<void> {
  await Deno.remove(place).catch(() => {});
  try {
    await Deno.symlink(relative(dirname(place), blob), place);
  } catch (error) {
    if (Deno.build.os !== "windows") throw error;
    await Deno.rename(blob, place);
  }
}

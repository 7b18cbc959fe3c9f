/**
 * The cache that tools for the Hugging Face hub share: where it is, and what of a repository is in it.
 *
 * `models--owner--name/` holds `blobs/HASH`, the files; `snapshots/COMMIT/`, links to them by their names; and
 * `refs/REVISION`, a text file with the commit that a branch or tag was when it was asked for last.
 *
 * @module
 */

import { join } from "node:path";
import { exists } from "../files.ts";
import { MAIN, type Repository } from "./repository.ts";

/**
 * The cache's folder, by the rules of `huggingface_hub`: `HF_HUB_CACHE`, or `hub` below `HF_HOME`, or
 * `huggingface/hub` below `XDG_CACHE_HOME` or `~/.cache`.
 *
 * @param variable Reads an environment variable.
 * @throws {Error} If neither these nor the home folder is named.
 */
export function hubCache(variable: (name: string) => string | undefined): string {
  // As there, an empty variable is one that is not set.
  const first = (...names: readonly string[]) => names.map(variable).find((value) => value);
  const cache = first("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE");
  if (cache !== undefined) return cache;
  const home = first("HF_HOME");
  if (home !== undefined) return join(home, "hub");
  const caches = first("XDG_CACHE_HOME");
  if (caches !== undefined) return join(caches, "huggingface", "hub");
  const user = first("HOME", "USERPROFILE");
  if (user !== undefined) return join(user, ".cache", "huggingface", "hub");
  throw new Error("Cannot find the cache of downloaded models as neither HF_HOME nor HOME is set: set one");
}

/** A repository's folder in the cache. */
export function repositoryFolder(cache: string, { id }: Pick<Repository, "id">): string {
  return join(cache, `models--${id.replace("/", "--")}`);
}

/** The repository that a snapshot's folder belongs to; `null` if it is in no cache. */
export function repositoryOf(folder: string): Pick<Repository, "id"> | null {
  const [, owner, name] = /models--(.+?)--([^/\\]+)[/\\]snapshots[/\\]/.exec(`${folder}/`) ?? [];
  return owner === undefined ? null : { id: `${owner}/${name}` };
}

/**
 * The folder of a revision's files.
 *
 * @param folder The repository's, from {@linkcode repositoryFolder}.
 * @returns `null` if it is not in the cache.
 */
export async function findSnapshot(folder: string, revision: string = MAIN): Promise<string | null> {
  const commit = isCommit(revision) ? revision : await readRef(folder, revision);
  if (commit === null) return null;
  const snapshot = join(folder, "snapshots", commit);
  return await exists(snapshot) ? snapshot : null;
}

/** Whether a revision is a commit's whole hash, which no branch or tag moves. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

async function readRef(folder: string, revision: string): Promise<string | null> {
  const commit = await Deno.readTextFile(join(folder, "refs", revision)).catch(() => "");
  return isCommit(commit.trim()) ? commit.trim() : null;
}

/**
 * Twins of a cell: runs that were trained exactly alike, of which one can be taken rather than to train it again.
 *
 * @module
 */

import { join } from "node:path";
import { type Config, readConfig } from "../config/mod.ts";
import { copyFolder, exists, readJson } from "../files.ts";
import { firstDifference } from "../run/first_difference.ts";
import { type Manifest, VERSION } from "../run/manifest.ts";
import { withFullPaths } from "../run/request.ts";
import { runFolder } from "../run/run_folder.ts";
import { isTrained } from "./cell_state.ts";

/**
 * Finds a run of this version whose configuration is the same in every field, and which is at its end.
 *
 * @param below Folders that are looked through, with all that are in them.
 * @returns Its folder; `null` if there is none.
 */
export async function findTwin(config: Config, below: readonly string[]): Promise<string | null> {
  const wanted = await withFullPaths(config);
  for (const folder of below) {
    for await (const run of runsIn(folder)) {
      const found = await readConfig({ config: runFolder(run).config }).catch(() => null);
      if (found === null || firstDifference(found, wanted) !== null) continue;
      if (await isTrained(run, config) && await versionOf(run) === VERSION) return run;
    }
  }
  return null;
}

/** Copies a run; a copy that was not completed leaves nothing at `to`. */
export async function takeTwin(twin: string, to: string): Promise<void> {
  const aside = `${to}.part`;
  if (await exists(aside)) await Deno.remove(aside, { recursive: true });
  await copyFolder(twin, aside, (path) => !path.endsWith(".lock"));
  await Deno.rename(aside, to);
}

/** All runs in a folder, in the order of their names; what lies in a run is none. */
async function* runsIn(folder: string): AsyncGenerator<string> {
  if (await exists(runFolder(folder).config)) {
    yield folder;
    return;
  }
  const entries = await Array.fromAsync(Deno.readDir(folder));
  const folders = entries.filter(({ name, isDirectory }) => isDirectory && !name.endsWith(".part"));
  for (const name of folders.map(({ name }) => name).sort()) yield* runsIn(join(folder, name));
}

async function versionOf(run: string): Promise<string | null> {
  const { manifest } = runFolder(run);
  return await exists(manifest) ? (await readJson(manifest) as Manifest).versions.attune ?? null : null;
}

/**
 * Where the tuner's choices are kept: a small file for each adapter and version of the generators.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { KERNELS_VERSION } from "../kernels/tiles.ts";
import type { Tile } from "../kernels/kernel.ts";
import type { Gpu } from "../lib/gpu/device.ts";
import type { TileStore } from "../lib/gpu/tuner.ts";
import { exists, pathOf, readJson, writeAtomically } from "./files.ts";

/** A store that is backed by a file. */
export interface TuneFile extends TileStore {
  /** The file. */
  readonly path: string;
  /** Writes what was chosen since it was opened, if anything. */
  save(): Promise<void>;
}

const FOLDER = fileURLToPath(new URL("../.cache/tiles/", import.meta.url));

/**
 * Opens the choices for an adapter, where tuning pays: a GPU compiles a shader in milliseconds, a software adapter takes up to a
 * second for each, so there it has to be asked for.
 *
 * @param asked Whether to tune on a software adapter too.
 * @returns Nothing where the adapter is not to be tuned for.
 */
export async function openTuneFile(
  { name, target, canTime }: Gpu,
  { asked = false, folder = FOLDER }: { readonly asked?: boolean; readonly folder?: string } = {},
): Promise<TuneFile | undefined> {
  if (!canTime || (target.software && !asked)) return undefined;
  const adapter = name.replace(/[^\w.]+/g, "_");
  const path = `${pathOf(folder).replace(/\/$/, "")}/${adapter}-v${KERNELS_VERSION}.json`;
  const tiles = await exists(path) ? readTiles(await readJson(path)) : new Map<string, Tile>();
  let saved = tiles.size;
  return {
    path,
    get: (kernel) => tiles.get(kernel),
    set: (kernel, tile) => void tiles.set(kernel, tile),
    save: async () => {
      if (tiles.size === saved) return;
      await Deno.mkdir(folder, { recursive: true });
      await writeAtomically(path, `${JSON.stringify(Object.fromEntries(tiles), null, 1)}\n`);
      saved = tiles.size;
    },
  };
}

/** What is no tile is left out and timed anew. */
function readTiles(json: unknown): Map<string, Tile> {
  const entries = typeof json === "object" && json !== null ? Object.entries(json) : [];
  return new Map(entries.filter((entry): entry is [string, Tile] => isTile(entry[1])));
}

function isTile(value: unknown): value is Tile {
  if (typeof value !== "object" || value === null) return false;
  const { rows, columns, lanesX, lanesY } = value as Partial<Record<keyof Tile, unknown>>;
  return [rows, columns, lanesX, lanesY].every((extent) =>
    Number.isInteger(extent) && (extent as number) > 0
  ) &&
    (columns as number) % 4 === 0;
}

/**
 * A checkpoint in several files, its shards: an index (`….safetensors.index.json`, `….bin.index.json`) names the one that each
 * tensor lies in, as `weight_map: { TENSOR: FILE }`.
 * @module
 */

import { show, showName } from "./show.ts";
import type { TensorEntry, WeightsFile } from "./weights_file.ts";

/** The shard of each tensor, by the tensors' names: the name of a file beside the index. */
export type ShardIndex = ReadonlyMap<string, string>;

/** An opened shard. */
export interface Shard {
  /** Its tensors and the way to them. */
  readonly file: WeightsFile;
  /** Length of the file in bytes. */
  readonly fileBytes: number;
}

/**
 * Reads an index.
 *
 * @param json What its file holds.
 * @throws {SyntaxError} If it has no `weight_map` of tensors to files beside it.
 */
export function parseShardIndex(json: unknown): ShardIndex {
  const { weight_map: map }: { readonly weight_map?: unknown } = Object(json);
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    throw cannotRead("it has no weight_map of tensors to files", show(map));
  }
  const shards = new Map(Object.entries(map));
  if (shards.size === 0) throw cannotRead("its weight_map names no tensor", "an empty record");
  for (const [name, shard] of shards) {
    if (typeof shard !== "string" || !/^[^/\\]*[^/\\.][^/\\]*$/.test(shard)) {
      throw cannotRead(`it does not name a file beside it for tensor ${showName(name)}`, show(shard));
    }
  }
  return shards as ShardIndex;
}

/** The names of an index's shards, sorted. */
export function shardNames(index: ShardIndex): readonly string[] {
  return [...new Set(index.values())].sort();
}

/**
 * The shards as one file, as if they lay one behind the other.
 *
 * @param open Opens a shard of {@linkcode shardNames}.
 * @throws {SyntaxError} If a shard lacks a tensor that the index has there, or holds one that the index has not there; the
 * message names both. Also whatever `open` throws.
 */
export async function openShards(
  index: ShardIndex,
  open: (shard: string) => Promise<Shard>,
): Promise<WeightsFile> {
  const entries = new Map<string, TensorEntry>();
  const places: { readonly start: number; readonly file: WeightsFile }[] = [];
  let start = 0;
  for (const shard of shardNames(index)) {
    const { file, fileBytes } = await open(shard);
    for (const [name, entry] of file.entries) {
      if (index.get(name) !== shard) {
        const listed = index.has(name) ? `under ${showName(index.get(name)!)}` : "nowhere";
        throw cannotRead(`${showName(shard)} holds a tensor that it lists ${listed}`, showName(name));
      }
      entries.set(name, { ...entry, offset: start + entry.offset });
    }
    places.push({ start, file });
    start += fileBytes;
  }
  for (const [name, shard] of index) {
    if (!entries.has(name)) {
      throw cannotRead(`${showName(shard)} lacks a tensor that it lists there`, showName(name));
    }
  }
  return {
    metadata: Object.assign({}, ...places.map(({ file }) => file.metadata)),
    entries,
    read: (offset, length) => {
      const { file, start } = places.findLast((place) => place.start <= offset)!;
      return file.read(offset - start, length);
    },
  };
}

function cannotRead(reason: string, found: string): SyntaxError {
  return new SyntaxError(
    `Cannot read an index of weights as ${reason}: found ${found}; copy the checkpoint's files again, all of one version`,
  );
}

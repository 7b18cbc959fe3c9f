/**
 * Torch files before PyTorch 1.6: five pickles (a magic number, a version, the machine, the object, the keys of its storages),
 * then for each key the number of its elements as a little-endian i64, and their bytes.
 * @module
 */

import { show, showName } from "../show.ts";
import { DTYPE_BYTES } from "../weights_file.ts";
import type { Opened } from "./list_tensors.ts";
import type { PickleHost, PickleValue } from "./pickle_machine.ts";
import { MOST_INDEX_BYTES, readPiece, type Source, torchError } from "./read_piece.ts";
import { type Storage, torchHost } from "./torch_host.ts";
import { unpickle } from "./unpickle.ts";

/**
 * Reads the pickles of a file and finds its storages.
 *
 * @throws {SyntaxError} If it is damaged or no torch file, or a pickle is refused.
 */
export async function openLegacyForm(source: Source): Promise<Opened> {
  const { values, storages, end } = await readPickles(source);
  const [magic, version, machine, root, keys] = values;
  if (magic !== MAGIC || version !== VERSION) {
    throw torchError(
      "it does not begin with the numbers of torch.save",
      `${show(magic)} and ${show(version)}`,
      "give a file that torch.save made",
    );
  }
  if (machine instanceof Map && machine.get("little_endian") === false) {
    throw torchError("its numbers are not little-endian", "big-endian", "save it on a little-endian machine");
  }
  if (!Array.isArray(keys)) throw torchError("it has no list of its storages", show(keys));
  return { root, places: await findStorages(source, keys, storages, end) };
}

const MAGIC = 0x1950a86a20f9469cfc6cn;
const VERSION = 1001;
const PICKLES = 5;
const COUNT_BYTES = 8;
/** How much is read of a file at first; more if its pickles are longer. */
const FIRST_BYTES = 1 << 16;

interface Pickles {
  readonly values: readonly PickleValue[];
  readonly storages: ReadonlyMap<string, Storage>;
  readonly end: number;
}

/** Nothing tells how long the pickles are, so ever longer pieces are tried. */
async function readPickles(source: Source): Promise<Pickles> {
  const most = Math.min(source.fileBytes, MOST_INDEX_BYTES);
  for (let length = Math.min(FIRST_BYTES, most);; length = Math.min(4 * length, most)) {
    const bytes = await readPiece(source, 0, length, "its beginning");
    const { host, storages } = torchHost();
    const read = unpickleMany(bytes, host);
    if (read) return { ...read, storages };
    if (length === most) throw torchError("its pickles are cut", `no end in ${length} bytes`);
  }
}

function unpickleMany(bytes: Uint8Array, host: PickleHost): Omit<Pickles, "storages"> | undefined {
  const values: PickleValue[] = [];
  let end = 0;
  while (values.length < PICKLES) {
    const pickle = unpickle(bytes, end, host);
    if (!pickle) return undefined;
    values.push(pickle.value);
    end = pickle.end;
  }
  return { values, end };
}

async function findStorages(
  source: Source,
  keys: readonly PickleValue[],
  storages: ReadonlyMap<string, Storage>,
  start: number,
): Promise<ReadonlyMap<string, number>> {
  const places = new Map<string, number>();
  let position = start;
  for (const key of keys) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (!storage || places.has(storage.key)) {
      throw torchError("its list of storages has one that it does not use once", show(key));
    }
    const what = `its storage ${showName(storage.key)}`;
    const count = await readPiece(source, position, COUNT_BYTES, what);
    const elements = new DataView(count.buffer, count.byteOffset).getBigInt64(0, true);
    if (elements !== BigInt(storage.elements)) {
      throw torchError(`${what} should have ${storage.elements} elements`, `${elements}`);
    }
    places.set(storage.key, position + COUNT_BYTES);
    position += COUNT_BYTES + storage.elements * DTYPE_BYTES[storage.dtype];
    if (position > source.fileBytes) {
      throw torchError(
        `${what} is truncated: it ends at byte ${position}`,
        `${source.fileBytes} bytes`,
      );
    }
  }
  return places;
}

/**
 * Torch files since PyTorch 1.6: a zip archive of `NAME/data.pkl`, the pickle, and `NAME/data/KEY`, a storage each.
 * @module
 */

import { showName } from "../show.ts";
import { DTYPE_BYTES } from "../weights_file.ts";
import type { Opened } from "./list_tensors.ts";
import { MOST_INDEX_BYTES, readPiece, type Source, torchError } from "./read_piece.ts";
import { type Storage, torchHost } from "./torch_host.ts";
import { unpickle } from "./unpickle.ts";
import { findMember, readZipDirectory, type ZipMember } from "./zip_directory.ts";

/**
 * Reads the pickle of an archive and finds its storages.
 *
 * @throws {SyntaxError} If it is damaged or no torch file, or its pickle is refused.
 */
export async function openZipForm(source: Source): Promise<Opened> {
  const members = await readZipDirectory(source);
  const pickles = [...members.keys()].filter((name) => name.endsWith(PICKLE));
  if (pickles.length !== 1) {
    throw torchError(
      `it is a zip archive without one member …${PICKLE}`,
      `${pickles.length} of ${members.size} members`,
      "give a file that torch.save made",
    );
  }
  const folder = pickles[0]!.slice(0, -PICKLE.length);
  await checkByteOrder(source, members, `${folder}/byteorder`);
  const { host, storages } = torchHost();
  const bytes = await readMember(source, members, pickles[0]!);
  const pickle = unpickle(bytes, 0, host);
  if (!pickle) throw torchError("its pickle is cut", `${bytes.length} bytes`);
  const places = new Map<string, number>();
  for (const storage of storages.values()) {
    places.set(storage.key, await findStorage(source, members, `${folder}/data/${storage.key}`, storage));
  }
  return { root: pickle.value, places };
}

const PICKLE = "/data.pkl";

async function findStorage(
  source: Source,
  members: ReadonlyMap<string, ZipMember>,
  name: string,
  { dtype, elements }: Storage,
): Promise<number> {
  const member = memberOf(members, name);
  const needed = elements * DTYPE_BYTES[dtype];
  if (member.bytes < needed) {
    throw torchError(`its storage ${showName(name)} needs ${needed} bytes`, `${member.bytes} bytes`);
  }
  return await findMember(source, name, member);
}

async function checkByteOrder(
  source: Source,
  members: ReadonlyMap<string, ZipMember>,
  name: string,
): Promise<void> {
  if (!members.has(name)) return; // older than 2.1, which wrote little-endian files in practice
  const order = new TextDecoder().decode(await readMember(source, members, name));
  if (order !== "little") {
    throw torchError("its numbers are not little-endian", order, "save it on a little-endian machine");
  }
}

async function readMember(
  source: Source,
  members: ReadonlyMap<string, ZipMember>,
  name: string,
): Promise<Uint8Array> {
  const member = memberOf(members, name);
  if (member.bytes > MOST_INDEX_BYTES) {
    throw torchError(
      `its member ${showName(name)} is longer than ${MOST_INDEX_BYTES} bytes`,
      `${member.bytes} bytes`,
    );
  }
  return await readPiece(source, await findMember(source, name, member), member.bytes, showName(name));
}

function memberOf(members: ReadonlyMap<string, ZipMember>, name: string): ZipMember {
  const member = members.get(name);
  if (!member) throw torchError(`its member ${showName(name)} is missing`, `${members.size} others`);
  return member;
}

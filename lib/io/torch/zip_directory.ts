/**
 * The directory of a zip archive whose members are stored as they are, such as PyTorch writes.
 *
 * Only the central directory at the end counts: the headers before the members may say 0 where a size belongs. Archives past
 * 4 GB have their numbers in zip64 records. Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
 * @module
 */

import { showName } from "../show.ts";
import { MOST_INDEX_BYTES, readPiece, type Source, torchError } from "./read_piece.ts";
import { checkSignature, parseZipRecord, readZipEnd, viewOf } from "./zip_records.ts";

/** A member of the archive. */
export interface ZipMember {
  /** The header before it, counted from the start of the file. */
  readonly header: number;
  /** Its length in bytes. */
  readonly bytes: number;
}

/**
 * Reads the directory.
 *
 * @returns The members by name.
 * @throws {SyntaxError} If there is none, it is damaged, or a member is compressed.
 */
export async function readZipDirectory(source: Source): Promise<ReadonlyMap<string, ZipMember>> {
  const { count, offset, bytes } = await readZipEnd(source);
  if (bytes > MOST_INDEX_BYTES) {
    throw torchError(`its directory is longer than ${MOST_INDEX_BYTES} bytes`, `${bytes} bytes`);
  }
  const directory = viewOf(await readPiece(source, offset, bytes, "its directory"));
  const members = new Map<string, ZipMember>();
  let position = 0;
  for (let i = 0; i < count; i++) {
    const { name, header, bytes, end } = parseZipRecord(directory, position);
    if (members.has(name)) throw torchError("two of its members have one name", name);
    members.set(name, { header, bytes });
    position = end;
  }
  return members;
}

/**
 * Where a member begins, which its own header tells.
 *
 * @returns Its first byte, counted from the start of the file.
 * @throws {SyntaxError} If there is no such header, or the file ends inside the member.
 */
export async function findMember(source: Source, name: string, member: ZipMember): Promise<number> {
  const what = `the header of ${showName(name)}`;
  const header = viewOf(await readPiece(source, member.header, LOCAL_BYTES, what));
  checkSignature(header, 0, LOCAL_SIGNATURE, what);
  const start = member.header + LOCAL_BYTES + header.getUint16(26, true) + header.getUint16(28, true);
  if (start + member.bytes > source.fileBytes) {
    throw torchError(
      `its member ${showName(name)} is truncated: it ends at byte ${start + member.bytes}`,
      `${source.fileBytes} bytes`,
    );
  }
  return start;
}

const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;

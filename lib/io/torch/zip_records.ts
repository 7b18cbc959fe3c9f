/**
 * The records of a zip archive: its end, with where the directory lies, and one a member in the directory.
 *
 * A record of an archive past 4 GB has its numbers in a zip64 record or field.
 * @module
 */

import { showName } from "../show.ts";
import { readPiece, type Source, torchError } from "./read_piece.ts";

/** Where the directory of an archive lies. */
export interface ZipEnd {
  /** How many members it lists. */
  readonly count: number;
  /** Its first byte, counted from the start of the file. */
  readonly offset: number;
  /** Its length in bytes. */
  readonly bytes: number;
}

/** A record of the directory. */
export interface ZipRecord {
  /** The member's name. */
  readonly name: string;
  /** The header before the member, counted from the start of the file. */
  readonly header: number;
  /** The member's length in bytes. */
  readonly bytes: number;
  /** The first byte behind the record, counted from the start of the directory. */
  readonly end: number;
}

/**
 * Reads the end of an archive.
 *
 * @throws {SyntaxError} If there is none.
 */
export async function readZipEnd(source: Source): Promise<ZipEnd> {
  const length = Math.min(source.fileBytes, LOCATOR_BYTES + END_BYTES + LONGEST_COMMENT);
  const tail = viewOf(await readPiece(source, source.fileBytes - length, length, "its end"));
  const end = findEnd(tail);
  const locator = end - LOCATOR_BYTES;
  if (locator >= 0 && tail.getUint32(locator, true) === LOCATOR_SIGNATURE) {
    const at = safe(tail.getBigUint64(locator + 8, true), "where its zip64 directory ends");
    const record = viewOf(await readPiece(source, at, END64_BYTES, "the end of its zip64 directory"));
    checkSignature(record, 0, END64_SIGNATURE, "the end of its zip64 directory");
    return {
      count: safe(record.getBigUint64(32, true), "the number of its members"),
      bytes: safe(record.getBigUint64(40, true), "the length of its directory"),
      offset: safe(record.getBigUint64(48, true), "where its directory begins"),
    };
  }
  return {
    count: tail.getUint16(end + 10, true),
    bytes: tail.getUint32(end + 12, true),
    offset: tail.getUint32(end + 16, true),
  };
}

/**
 * Parses a record of the directory.
 *
 * @throws {SyntaxError} If it is damaged, or its member is compressed or encrypted.
 */
export function parseZipRecord(directory: DataView, position: number): ZipRecord {
  const what = "a record of its directory";
  const has = (end: number) => {
    if (end > directory.byteLength) throw torchError(`${what} is cut`, `${directory.byteLength} bytes`);
    return end;
  };
  has(position + RECORD_BYTES);
  checkSignature(directory, position, RECORD_SIGNATURE, what);
  const nameEnd = position + RECORD_BYTES + directory.getUint16(position + 28, true);
  const extraEnd = nameEnd + directory.getUint16(position + 30, true);
  const end = has(extraEnd + directory.getUint16(position + 32, true));
  const name = decodeName(directory, position + RECORD_BYTES, nameEnd);
  const method = directory.getUint16(position + 10, true);
  if (method !== 0 || directory.getUint16(position + 8, true) & 1) {
    throw torchError(
      `its member ${showName(name)} is compressed or encrypted`,
      `method ${method}`,
      "save it with torch.save",
    );
  }
  const [bytes, stored, header] = widen(directory, nameEnd, extraEnd, [
    directory.getUint32(position + 24, true),
    directory.getUint32(position + 20, true),
    directory.getUint32(position + 42, true),
  ]);
  if (bytes !== stored) {
    throw torchError(
      `its member ${showName(name)} of ${bytes} bytes is stored in another length`,
      `${stored} bytes`,
    );
  }
  return { name, header, bytes, end };
}

/** Checks the four bytes that a record begins with. */
export function checkSignature(view: DataView, position: number, signature: number, what: string): void {
  const found = view.getUint32(position, true);
  if (found !== signature) {
    throw torchError(`${what} does not begin with 0x${signature.toString(16)}`, `0x${found.toString(16)}`);
  }
}

/** A view on bytes, wherever they lie in their buffer. */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

const RECORD_SIGNATURE = 0x02014b50;
const RECORD_BYTES = 46;
const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_BYTES = 20;
const END64_SIGNATURE = 0x06064b50;
const END64_BYTES = 56;
const LONGEST_COMMENT = 0xffff;
/** What stands where a number is in a zip64 record. */
const ELSEWHERE = 0xffffffff;

/** The end record: the last whose comment reaches just to the end of the file. */
function findEnd(tail: DataView): number {
  for (let end = tail.byteLength - END_BYTES; end >= 0; end--) {
    const isEnd = tail.getUint32(end, true) === END_SIGNATURE;
    if (isEnd && end + END_BYTES + tail.getUint16(end + 20, true) === tail.byteLength) return end;
  }
  throw torchError("it is a zip archive without its directory, as after a broken download", "no end record");
}

/** Replaces the numbers that are too large for a record by those of its zip64 field, which come in the same order. */
function widen(
  directory: DataView,
  start: number,
  end: number,
  numbers: readonly [number, number, number],
): [number, number, number] {
  const wide: number[] = [];
  for (let field = start; field + 4 <= end;) {
    const next = field + 4 + directory.getUint16(field + 2, true);
    if (directory.getUint16(field, true) === 1) {
      for (let at = field + 4; at + 8 <= Math.min(next, end); at += 8) {
        wide.push(safe(directory.getBigUint64(at, true), "a zip64 number of its directory"));
      }
    }
    field = next;
  }
  return numbers.map((number) => {
    const value = number === ELSEWHERE ? wide.shift() : number;
    if (value === undefined) throw torchError("a number of its directory is missing", "no zip64 field");
    return value;
  }) as [number, number, number];
}

function decodeName(directory: DataView, start: number, end: number): string {
  return new TextDecoder().decode(
    new Uint8Array(directory.buffer, directory.byteOffset + start, end - start),
  );
}

function safe(number: bigint, what: string): number {
  if (number > BigInt(Number.MAX_SAFE_INTEGER)) throw torchError(`${what} is past 2^53`, number);
  return Number(number);
}

/**
 * Pieces of a torch file: read only where the file has them, and refused in words where it is not what it should be.
 * @module
 */

import { showName } from "../show.ts";
import type { ReadBytes } from "../weights_file.ts";

/** Bytes that a pickle or a directory may have; those of a model of 40,000 tensors are fewer. */
export const MOST_INDEX_BYTES = 1 << 24;

/** A file that pieces are read of. */
export interface Source {
  /** Gives the bytes of the file. */
  readonly read: ReadBytes;
  /** Its length in bytes. */
  readonly fileBytes: number;
}

/**
 * Reads a piece.
 *
 * @param what It is, for the message.
 * @throws {SyntaxError} If the file does not have all of it.
 */
export async function readPiece(
  { read, fileBytes }: Source,
  offset: number,
  length: number,
  what: string,
): Promise<Uint8Array> {
  const isInside = offset >= 0 && length >= 0 && offset + length <= fileBytes;
  const bytes = isInside ? await read(offset, length) : undefined;
  if (bytes?.length === length) return bytes;
  throw torchError(`${what} of ${length} bytes at byte ${offset} runs past the end`, `${fileBytes} bytes`);
}

/** The error of a torch file that cannot be read. */
export function torchError(
  reason: string,
  found: unknown,
  remedy = "copy or save the file again",
): SyntaxError {
  return new SyntaxError(
    `Cannot read a torch file as ${reason}: found ${
      typeof found === "string" ? showName(found) : found
    }; ${remedy}`,
  );
}

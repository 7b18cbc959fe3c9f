/**
 * The header of a safetensors file: where each tensor lies, checked before a byte of it is read.
 *
 * A file is a little-endian u64 `N`, `N` bytes of JSON, then the tensors' bytes without gaps. Nothing is assumed of their
 * order or alignment. Format: https://huggingface.co/docs/safetensors.
 * @module
 */

import { size } from "../core/tensor.ts";
import { findJsonFault } from "./find_json_fault.ts";
import { show, showName } from "./show.ts";
import {
  DTYPE_BYTES,
  isCounts,
  type StoredDType,
  type TensorEntry,
  type WeightsFile,
} from "./weights_file.ts";

/** A checked header. */
export type SafetensorsHeader = Omit<WeightsFile, "read">;

/** Bytes of the length word before the JSON. */
export const LENGTH_BYTES = 8;

const MAX_HEADER_BYTES = 100_000_000;

/** The header's record, a tensor's record in it, the shape in that. */
const DEEPEST = 3;

/**
 * Reads the length word of a file.
 *
 * @param word Its first eight bytes.
 * @param fileBytes Length of the file in bytes.
 * @returns The length of the JSON in bytes.
 * @throws {SyntaxError} If the file is shorter than its header says, or the header longer than 100 MB.
 */
export function parseHeaderLength(word: Uint8Array, fileBytes: number): number {
  if (word.length < LENGTH_BYTES) throw new SyntaxError(cannot(`it ends after ${word.length} bytes`));
  const length = new DataView(word.buffer, word.byteOffset).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw new SyntaxError(cannot(`its header is longer than ${MAX_HEADER_BYTES} bytes`, length));
  }
  if (LENGTH_BYTES + Number(length) > fileBytes) {
    throw new SyntaxError(cannot(`its header of ${length} bytes runs past the end`, `${fileBytes} bytes`));
  }
  return Number(length);
}

/**
 * Parses and checks the JSON of a header: every tensor inside the file, its span equal to its shape times its element size,
 * no name twice, no two tensors overlapping, no byte of the file unaccounted for.
 *
 * @param json The header's bytes, without the length word.
 * @param fileBytes Length of the file in bytes.
 * @throws {SyntaxError} If any of it does not hold; the message names the tensor.
 */
export function parseHeader(json: Uint8Array, fileBytes: number): SafetensorsHeader {
  const dataStart = LENGTH_BYTES + json.length;
  const { __metadata__: metadata = {}, ...fields } = parseJson(json);
  const entries = Object.entries(fields).map(([name, field]) => parseEntry(name, field, dataStart));
  checkCoverage(entries, dataStart, fileBytes);
  return {
    metadata: parseMetadata(metadata),
    entries: new Map(entries.map((entry) => [entry.name, entry])),
  };
}

function parseJson(json: Uint8Array): Record<string, unknown> {
  if (json[0] !== 0x7b) throw new SyntaxError(cannot("its header does not begin with {", json[0]));
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(json);
    const fault = findJsonFault(text, DEEPEST);
    if (fault !== undefined) throw new SyntaxError(fault);
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(
      cannot("its header is not JSON as it should be", showName((error as Error).message)),
    );
  }
}

function parseMetadata(metadata: unknown): Readonly<Record<string, string>> {
  if (!isRecord(metadata) || Object.values(metadata).some((value) => typeof value !== "string")) {
    throw new SyntaxError(cannot("its __metadata__ is not a record of strings"));
  }
  return metadata as Record<string, string>;
}

function parseEntry(name: string, field: unknown, dataStart: number): TensorEntry {
  const fault = (reason: string, found: unknown) =>
    new SyntaxError(cannot(`tensor ${showName(name)} ${reason}`, found));
  if (!isRecord(field)) throw fault("has no record in the header", show(field));
  const { dtype, shape, data_offsets: offsets } = field;
  if (typeof dtype !== "string" || !Object.hasOwn(DTYPE_BYTES, dtype)) {
    throw fault("has an unknown dtype", show(dtype));
  }
  if (!isCounts(shape)) throw fault("has no valid shape", show(shape));
  if (!isCounts(offsets) || offsets.length !== 2) throw fault("has no valid data_offsets", show(offsets));
  const [begin, end] = offsets as [number, number];
  const needed = size(shape) * DTYPE_BYTES[dtype as StoredDType];
  if (!Number.isSafeInteger(needed)) throw fault("has more elements than any file holds", show(shape));
  if (end - begin !== needed) {
    throw fault(`of shape ${show(shape)} and dtype ${dtype} needs ${needed} bytes`, `${end - begin} bytes`);
  }
  return { name, dtype: dtype as StoredDType, shape, offset: dataStart + begin, bytes: needed };
}

function checkCoverage(entries: readonly TensorEntry[], dataStart: number, fileBytes: number): void {
  let covered = dataStart;
  let last = "the header";
  for (
    const { name, offset, bytes } of entries.toSorted((a, b) => a.offset - b.offset || a.bytes - b.bytes)
  ) {
    const own = `tensor ${showName(name)}`;
    if (offset < covered) throw new SyntaxError(cannot(`${own} overlaps ${last}`, `byte ${offset}`));
    if (offset > covered) {
      throw new SyntaxError(cannot(`${offset - covered} bytes before ${own} belong to none`));
    }
    covered = offset + bytes;
    last = own;
    if (covered > fileBytes) {
      throw new SyntaxError(
        cannot(`${own} is truncated: it ends at byte ${covered}`, `${fileBytes} bytes`),
      );
    }
  }
  if (covered < fileBytes) {
    throw new SyntaxError(cannot(`${fileBytes - covered} bytes after ${last} belong to no tensor`));
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function cannot(reason: string, found?: unknown): string {
  return `Cannot read a safetensors file as ${reason}: ${
    found === undefined ? "it is damaged" : `found ${found}`
  }; copy or save the file again`;
}

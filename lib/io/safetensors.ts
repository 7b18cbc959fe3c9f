/**
 * Safetensors files: opened by their header, tensors read one at a time, written with the same bytes for the same content.
 *
 * The caller supplies the bytes, so a file may lie on disk, in memory or behind a network; no more than one tensor is held.
 * @module
 */

import {
  type FloatTensor,
  type HalfTensor,
  halves,
  type ParamTree,
  sameShape,
  type Shape,
  showShape,
  size,
  tensor,
} from "../core/tensor.ts";
import { bfloatsToFloats, floatsToHalfs, HALF_MAX, halfsToFloats } from "../core/half.ts";
import {
  DTYPE_BYTES,
  LENGTH_BYTES,
  parseHeader,
  parseHeaderLength,
  type SafetensorsHeader,
  type TensorEntry,
} from "./safetensors_header.ts";

/** Gives `length` bytes from `offset` of a file, fewer only where the file ends. */
export type ReadBytes = (offset: number, length: number) => Promise<Uint8Array>;

/** An opened file: its header and the way to its bytes. */
export interface SafetensorsFile extends SafetensorsHeader {
  /** Gives the bytes of the file. */
  readonly read: ReadBytes;
}

/** What writing takes beside the tensors. */
export interface WriteOptions {
  /** Strings for `__metadata__`, beside `format: "pt"`. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Element type in the file, `"F32"` if absent. */
  readonly dtype?: "F32" | "F16";
}

/**
 * Opens a file: reads and checks its header, no tensor.
 *
 * @param read Gives the bytes of the file.
 * @param fileBytes Length of the file in bytes.
 * @throws {SyntaxError} If the header does not describe the file.
 */
export async function openSafetensors(read: ReadBytes, fileBytes: number): Promise<SafetensorsFile> {
  const length = parseHeaderLength(await read(0, LENGTH_BYTES), fileBytes);
  return { ...parseHeader(await read(LENGTH_BYTES, length), fileBytes), read };
}

/** Reads one tensor as floats, whatever its element type; otherwise as {@linkcode readStored} does. */
export async function readTensor(file: SafetensorsFile, name: string): Promise<FloatTensor> {
  const stored = await readStored(file, name);
  return stored.dtype === "f16" ? tensor(stored.shape, halfsToFloats(stored.data)) : stored;
}

/**
 * Reads one tensor, F16 as halves and F32, BF16, I64, U8 and BOOL as floats; integers past 2^24 are rounded.
 *
 * @throws {RangeError} If the file has no such tensor.
 * @throws {TypeError} If its element type is none of those.
 * @throws {SyntaxError} If the file ends inside it.
 */
export async function readStored(file: SafetensorsFile, name: string): Promise<FloatTensor | HalfTensor> {
  const entry = file.entries.get(name);
  if (!entry) throw new RangeError(`Cannot read tensor ${name} as the file does not hold it: ${list(file)}`);
  const bytes = await file.read(entry.offset, entry.bytes);
  if (bytes.length !== entry.bytes) {
    throw new SyntaxError(
      `Cannot read tensor ${name} as the file ends inside it: ${bytes.length} of ${entry.bytes} bytes`,
    );
  }
  if (entry.dtype === "F16") return halves(entry.shape, new Uint16Array(new Uint8Array(bytes).buffer));
  return tensor(entry.shape, toFloats(entry, bytes));
}

/** Reads the named tensors, or all, one after the other, as {@linkcode readTensor} does. */
export async function readTensors(
  file: SafetensorsFile,
  names: Iterable<string> = file.entries.keys(),
): Promise<ParamTree> {
  const tree: Record<string, FloatTensor> = {};
  for (const name of names) tree[name] = await readTensor(file, name);
  return tree;
}

/** Gives the bytes of a file held in memory, for {@linkcode openSafetensors}. */
export function readFromMemory(file: Uint8Array): ReadBytes {
  return (offset, length) => Promise.resolve(file.subarray(offset, offset + length));
}

/**
 * Writes a file: header padded to eight bytes, tensors in the order of their names. Same content, same bytes.
 *
 * @throws {RangeError} If a finite value does not fit F16; the message names the tensor.
 */
export function writeSafetensors(tensors: ParamTree, options: WriteOptions = {}): Uint8Array<ArrayBuffer> {
  const { dtype = "F32" } = options;
  const shapes = new Map(Object.entries(tensors).map(([name, { shape }]) => [name, shape]));
  const { header, names, bytes } = layOut(shapes, options);
  const file = new Uint8Array(header.length + bytes);
  file.set(header);
  let offset = header.length;
  for (const name of names) {
    const bytes = toBytes(name, tensors[name]!, dtype);
    file.set(bytes, offset);
    offset += bytes.length;
  }
  return file;
}

/**
 * Writes the same file piece by piece, a tensor at a time.
 *
 * @param shapes Of all tensors, by their names.
 * @param tensorOf Gives a tensor when its turn comes.
 * @returns The file's bytes in order.
 * @throws {TypeError} If a tensor has another shape than was said.
 * @throws {RangeError} If a finite value does not fit F16; the message names the tensor.
 */
export async function* streamSafetensors(
  shapes: ReadonlyMap<string, Shape>,
  tensorOf: (name: string) => Promise<FloatTensor>,
  options: WriteOptions = {},
): AsyncGenerator<Uint8Array> {
  const { dtype = "F32" } = options;
  const { header, names } = layOut(shapes, options);
  yield header;
  for (const name of names) {
    const tensor = await tensorOf(name);
    if (!sameShape(tensor.shape, shapes.get(name)!)) {
      throw new TypeError(
        `Cannot write tensor ${name} as it has another shape than the header says: ` +
          `${showShape(tensor.shape)} where ${showShape(shapes.get(name)!)} is needed`,
      );
    }
    yield toBytes(name, tensor, dtype);
  }
}

/** Where everything lies in a file: its header, and tensors in the order of their names with their bytes in all. */
function layOut(
  shapes: ReadonlyMap<string, Shape>,
  { dtype = "F32", metadata = {} }: WriteOptions,
): { readonly header: Uint8Array; readonly names: readonly string[]; readonly bytes: number } {
  const names = [...shapes.keys()].sort();
  const strings = Object.entries({ format: "pt", ...metadata }).sort(([a], [b]) => a < b ? -1 : 1);
  const fields: [string, unknown][] = [["__metadata__", Object.fromEntries(strings)]];
  let end = 0;
  for (const name of names) {
    const shape = shapes.get(name)!;
    const begin = end;
    end += size(shape) * DTYPE_BYTES[dtype];
    fields.push([name, { dtype, shape, data_offsets: [begin, end] }]);
  }
  return { header: encodeHeader(fields), names, bytes: end };
}

/** Length word and JSON, the JSON padded with spaces to a multiple of eight bytes. */
function encodeHeader(fields: readonly [string, unknown][]): Uint8Array {
  // Written field by field: a record would move names that look like integers to the front.
  const json = `{${
    fields.map(([name, field]) => `${JSON.stringify(name)}:${JSON.stringify(field)}`).join(",")
  }}`;
  const text = new TextEncoder().encode(json);
  const padded = Math.ceil(text.length / 8) * 8;
  const header = new Uint8Array(LENGTH_BYTES + padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(text, LENGTH_BYTES);
  return header;
}

function toBytes(name: string, { data }: FloatTensor, dtype: "F32" | "F16"): Uint8Array {
  if (dtype === "F32") return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const worst = data.findIndex((value) => Math.abs(value) > HALF_MAX && Number.isFinite(value));
  if (worst >= 0) {
    throw new RangeError(
      `Cannot write tensor ${name} as F16 as element ${worst} is beyond ${HALF_MAX}: found ${
        data[worst]
      }; write F32`,
    );
  }
  return new Uint8Array(floatsToHalfs(data).buffer);
}

/** Reads elements from a buffer of their own, since a tensor may start at any byte of the file. */
function toFloats({ name, dtype }: TensorEntry, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const { buffer } = new Uint8Array(bytes);
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer);
    case "BF16":
      return bfloatsToFloats(new Uint16Array(buffer));
    case "I64":
      return Float32Array.from(new BigInt64Array(buffer), Number);
    case "U8":
    case "BOOL":
      return new Float32Array(bytes);
    default:
      throw new TypeError(
        `Cannot read tensor ${name} as its dtype is none of F32 F16 BF16 I64 U8 BOOL: found ${dtype}`,
      );
  }
}

function list({ entries }: SafetensorsFile): string {
  const first = [...entries.keys()].slice(0, 3).join(", ");
  return `${entries.size} tensors${first && `, ${first}`}${entries.size > 3 ? ", …" : ""}`;
}

/**
 * An opened file of weights: where each tensor lies, and the way to its bytes.
 *
 * `openSafetensors` and `openTorchFile` both give this record, so whoever reads weights takes either. The caller supplies the
 * bytes, so a file may lie on disk, in memory or behind a network; no more than one tensor is held.
 * @module
 */

import { bfloatsToFloats, halfsToFloats } from "../core/half.ts";
import {
  contiguousStrides,
  type FloatTensor,
  type HalfTensor,
  halves,
  type ParamTree,
  type Shape,
  size,
  tensor,
} from "../core/tensor.ts";
import { showName } from "./show.ts";

/** Element types of files, with the bytes of one element. */
export const DTYPE_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const;

/** An element type of files, in the spelling of safetensors. */
export type StoredDType = keyof typeof DTYPE_BYTES;

/** Gives `length` bytes from `offset` of a file, fewer only where the file ends. */
export type ReadBytes = (offset: number, length: number) => Promise<Uint8Array>;

/** Where one tensor lies. */
export interface TensorEntry {
  /** Its name, dotted as in the checkpoint. */
  readonly name: string;
  /** Its element type in the file. */
  readonly dtype: StoredDType;
  /** Its extents. */
  readonly shape: Shape;
  /** Its first byte, counted from the start of the file. */
  readonly offset: number;
  /** Bytes from its first element to its last; never fewer than its elements take. */
  readonly bytes: number;
  /** The distance between neighbours along each axis, in elements; row-major if absent. */
  readonly strides?: readonly number[];
}

/** An opened file. */
export interface WeightsFile {
  /** Strings that the file holds beside the tensors; empty if it has none. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The tensors by name. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** Gives the bytes of the file. */
  readonly read: ReadBytes;
}

/** Tells whether {@linkcode readStored} reads an element type. */
export function isReadable(dtype: StoredDType): boolean {
  return READABLE.includes(dtype);
}

/** Tells whether a value that a file gave is a list of whole numbers from 0 on, such as a shape. */
export function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

/** Reads one tensor as floats, whatever its element type; otherwise as {@linkcode readStored} does. */
export async function readTensor(file: WeightsFile, name: string): Promise<FloatTensor> {
  const stored = await readStored(file, name);
  return stored.dtype === "f16" ? tensor(stored.shape, halfsToFloats(stored.data)) : stored;
}

/**
 * Reads one tensor, F16 as halves and F32, BF16, I64, U8 and BOOL as floats; integers past 2^24 are rounded. The bytes that the
 * file gave are not copied where they can be used as they are.
 *
 * @throws {RangeError} If the file has no such tensor.
 * @throws {TypeError} If its element type is none of those.
 * @throws {SyntaxError} If the file ends inside it.
 */
export async function readStored(file: WeightsFile, name: string): Promise<FloatTensor | HalfTensor> {
  const entry = file.entries.get(name);
  if (!entry) {
    throw new RangeError(
      `Cannot read tensor ${showName(name)} as the file does not hold it: ${list(file)}`,
    );
  }
  const { dtype, shape } = entry;
  if (!isReadable(dtype)) {
    throw new TypeError(
      `Cannot read tensor ${showName(name)} as its dtype is none of ${READABLE.join(" ")}: ` +
        `found ${dtype}; save it as F32`,
    );
  }
  const bytes = await file.read(entry.offset, entry.bytes);
  if (bytes.length !== entry.bytes) {
    throw new SyntaxError(
      `Cannot read tensor ${showName(name)} as the file ends inside it: ` +
        `${bytes.length} of ${entry.bytes} bytes; copy the file again`,
    );
  }
  const elements = rowMajor(entry, bytes);
  return dtype === "F16"
    ? halves(shape, new Uint16Array(elements.buffer, elements.byteOffset, size(shape)))
    : tensor(shape, toFloats(dtype, elements, size(shape)));
}

/** Reads the named tensors, or all, one after the other, as {@linkcode readTensor} does. */
export async function readTensors(
  file: WeightsFile,
  names: Iterable<string> = file.entries.keys(),
): Promise<ParamTree> {
  const tree: [string, FloatTensor][] = [];
  for (const name of names) tree.push([name, await readTensor(file, name)]);
  return Object.fromEntries(tree); // defines each name, so that __proto__ is one like any other
}

/** Gives the bytes of a file held in memory. */
export function readFromMemory(file: Uint8Array): ReadBytes {
  return (offset, length) => Promise.resolve(file.subarray(offset, offset + length));
}

const READABLE: readonly StoredDType[] = ["F32", "F16", "BF16", "I64", "U8", "BOOL"];

/** The elements in the order of their indices, aligned to their width: a tensor may start at any byte of the file. */
function rowMajor(entry: TensorEntry, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { shape, strides, dtype } = entry;
  const width = DTYPE_BYTES[dtype];
  if (strides === undefined) {
    return bytes.byteOffset % width ? new Uint8Array(bytes) : bytes as Uint8Array<ArrayBuffer>;
  }
  const out = new Uint8Array(size(shape) * width);
  const places = contiguousStrides(shape);
  for (let element = 0; element * width < out.length; element++) {
    const from = places.reduce(
      (sum, place, axis) => sum + Math.floor(element / place) % shape[axis]! * strides[axis]!,
      0,
    );
    for (let i = 0; i < width; i++) out[element * width + i] = bytes[from * width + i]!;
  }
  return out;
}

function toFloats(
  dtype: StoredDType,
  { buffer, byteOffset }: Uint8Array<ArrayBuffer>,
  count: number,
): Float32Array<ArrayBuffer> {
  if (dtype === "F32") return new Float32Array(buffer, byteOffset, count);
  if (dtype === "BF16") return bfloatsToFloats(new Uint16Array(buffer, byteOffset, count));
  if (dtype === "I64") return Float32Array.from(new BigInt64Array(buffer, byteOffset, count), Number);
  return new Float32Array(new Uint8Array(buffer, byteOffset, count));
}

function list({ entries }: WeightsFile): string {
  const first = [...entries.keys()].slice(0, 3).map(showName).join(", ");
  return `${entries.size} tensors${first && `, ${first}`}${entries.size > 3 ? ", …" : ""}`;
}

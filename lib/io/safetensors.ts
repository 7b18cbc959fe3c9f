/**
 * Safetensors files: opened by their header, written with the same bytes for the same content.
 * @module
 */

import { type FloatTensor, type ParamTree, sameShape, type Shape, showShape, size } from "../core/tensor.ts";
import { findBeyondHalf, floatsToHalfs, HALF_MAX } from "../core/half.ts";
import { LENGTH_BYTES, parseHeader, parseHeaderLength } from "./safetensors_header.ts";
import { DTYPE_BYTES, type ReadBytes, type WeightsFile } from "./weights_file.ts";

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
export async function openSafetensors(read: ReadBytes, fileBytes: number): Promise<WeightsFile> {
  const length = parseHeaderLength(await read(0, Math.min(LENGTH_BYTES, fileBytes)), fileBytes);
  return { ...parseHeader(await read(LENGTH_BYTES, length), fileBytes), read };
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
  const worst = findBeyondHalf(data);
  if (worst >= 0) {
    throw new RangeError(
      `Cannot write tensor ${name} as F16 as element ${worst} is beyond ${HALF_MAX}: found ${
        data[worst]
      }; write F32`,
    );
  }
  return new Uint8Array(floatsToHalfs(data).buffer);
}

/**
 * A torch file of either form once its pickle is read: the tensors of one of its dictionaries, as entries of a file of weights.
 * @module
 */

import { contiguousStrides, type Shape, size } from "../../core/tensor.ts";
import { show, showName } from "../show.ts";
import { DTYPE_BYTES, type TensorEntry } from "../weights_file.ts";
import type { PickleValue } from "./pickle_machine.ts";
import { torchError } from "./read_piece.ts";
import { isTensor, type TorchTensor } from "./torch_host.ts";

/** What a form gives. */
export interface Opened {
  /** What was saved. */
  readonly root: PickleValue;
  /** The first byte of each storage by key, counted from the start of the file. */
  readonly places: ReadonlyMap<string, number>;
}

/**
 * Lists the tensors of a dictionary. Numbers, words and dictionaries that lie beside them are left out.
 *
 * @param within The keys that lead to the dictionary; none for the object itself.
 * @param fileBytes The length of the file. Tensors may share its bytes, but together they are at most 16 times as long.
 * @throws {SyntaxError} If there is no such dictionary, it holds no tensor, or one does not lie in its storage; the message
 * names it.
 */
export function listTensors(
  { root, places }: Opened,
  within: readonly string[],
  fileBytes: number,
): ReadonlyMap<string, TensorEntry> {
  const dictionary = findDictionary(root, within);
  const entries = new Map<string, TensorEntry>();
  let total = 0;
  for (const [name, value] of dictionary) {
    if (!isTensor(value)) continue;
    if (typeof name !== "string") throw torchError("a tensor's name is no string", show(name));
    const entry = toEntry(name, value, places);
    total += entry.bytes;
    entries.set(name, entry);
  }
  if (entries.size === 0) throw noTensors(dictionary, within);
  if (total > MOST_SHARING * fileBytes) {
    throw torchError(
      `its tensors take more than ${MOST_SHARING} times its ${fileBytes} bytes`,
      `${total} bytes`,
      "save them without sharing storages",
    );
  }
  return entries;
}

/** How often the bytes of a file may be shared, on average, by tensors that are tied. */
const MOST_SHARING = 16;

function findDictionary(root: PickleValue, within: readonly string[]): ReadonlyMap<PickleValue, PickleValue> {
  let value = root;
  for (const [depth, key] of within.entries()) {
    const inner = value instanceof Map ? value.get(key) : undefined;
    if (inner === undefined) {
      throw torchError(
        `it holds no ${showName(within.slice(0, depth + 1).join("."))}`,
        value instanceof Map ? listKeys(value) : "no dictionary",
        "name a dictionary that it holds",
      );
    }
    value = inner;
  }
  if (value instanceof Map) return value;
  throw torchError("it holds no dictionary of tensors", show(value), "save the model's state_dict() alone");
}

function noTensors(dictionary: ReadonlyMap<PickleValue, PickleValue>, within: readonly string[]): Error {
  return torchError(
    `it holds no tensor ${within.length ? `in ${showName(within.join("."))}` : "at its top"}`,
    listKeys(dictionary),
    "name the dictionary that holds them",
  );
}

function listKeys(dictionary: ReadonlyMap<PickleValue, PickleValue>): string {
  return dictionary.size === 0 ? "nothing" : show([...dictionary.keys()]);
}

function toEntry(
  name: string,
  { storage, offset, shape, strides }: TorchTensor,
  places: ReadonlyMap<string, number>,
): TensorEntry {
  const own = `tensor ${showName(name)} of shape ${show(shape)}`;
  const place = places.get(storage.key);
  if (place === undefined) throw torchError(`${own} has no storage in the file`, show(storage.key));
  const count = size(shape);
  const span = count === 0 ? 0 : shape.reduce((sum, extent, axis) => sum + (extent - 1) * strides[axis]!, 1);
  if (!(offset + span <= storage.elements)) {
    throw torchError(
      `${own} and strides ${show(strides)} at element ${offset} runs past its storage`,
      `${storage.elements} elements`,
    );
  }
  if (!(count <= span)) {
    throw torchError(
      `${own} has ${count} elements that share places`,
      `${span} elements`,
      "save it after .contiguous()",
    );
  }
  const width = DTYPE_BYTES[storage.dtype];
  const entry = { name, dtype: storage.dtype, shape, offset: place + offset * width, bytes: span * width };
  return isRowMajor(shape, strides) ? entry : { ...entry, strides };
}

function isRowMajor(shape: Shape, strides: readonly number[]): boolean {
  const expected = contiguousStrides(shape);
  return size(shape) === 0 || shape.every((extent, axis) => extent === 1 || strides[axis] === expected[axis]);
}

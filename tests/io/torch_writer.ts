/**
 * Torch files made by hand, byte by byte, for what PyTorch would not write.
 * @module
 */

import { contiguousStrides, type ParamTree, type Shape } from "../../lib/core/tensor.ts";

/** Members of an archive by name. */
export type Members = Readonly<Record<string, Uint8Array>>;

/** How {@linkcode zipOf} writes. */
export interface ZipOptions {
  /** Whether all numbers of the directory stand in zip64 records, as past 4 GB. */
  readonly zip64?: boolean;
  /** Whether the headers before the members leave their lengths to what follows (flag bit 3). */
  readonly streamed?: boolean;
  /** The compression that the members claim to have. */
  readonly method?: number;
}

/** An archive of members that are stored as they are. */
export function zipOf(members: Members, options: ZipOptions = {}): Uint8Array<ArrayBuffer> {
  const { zip64 = false, streamed = false, method = 0 } = options;
  const flags = streamed ? 8 : 0;
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  const add = (to: Uint8Array[], ...pieces: Uint8Array[]) => {
    to.push(...pieces);
    if (to === parts) { for (const { length } of pieces) offset += length; }
  };
  for (const [member, bytes] of Object.entries(members)) {
    const name = encoder.encode(member);
    const length = streamed ? 0 : bytes.length;
    const wide = join(u16(1), u16(24), u64(bytes.length), u64(bytes.length), u64(offset));
    const extra = zip64 ? wide : new Uint8Array();
    const [size, start] = zip64 ? [ELSEWHERE, ELSEWHERE] : [bytes.length, offset];
    add(
      directory,
      u32(0x02014b50),
      ...[45, 45, flags, method, 0, 0].map(u16),
      ...[0, size, size].map(u32),
      ...[name.length, extra.length, 0, 0, 0].map(u16),
      ...[0, start].map(u32),
      name,
      extra,
    );
    add(parts, u32(0x04034b50), ...[45, flags, method, 0, 0].map(u16), ...[0, length, length].map(u32));
    add(parts, u16(name.length), u16(3), name, new Uint8Array(3), bytes); // the padding that aligns the bytes
    if (streamed) add(parts, u32(0x08074b50), ...[0, bytes.length, bytes.length].map(u32));
  }
  const records = join(...directory);
  const count = Object.keys(members).length;
  const start = offset;
  add(parts, records);
  const end = offset;
  if (zip64) {
    add(parts, u32(0x06064b50), u64(44), u16(45), u16(45), u32(0), u32(0), u64(count), u64(count));
    add(parts, u64(records.length), u64(start));
    add(parts, u32(0x07064b50), u32(0), u64(end), u32(1));
  }
  const [counted, length, at] = zip64 ? [0xffff, ELSEWHERE, ELSEWHERE] : [count, records.length, start];
  add(parts, u32(0x06054b50), u16(0), u16(0), u16(counted), u16(counted), u32(length), u32(at), u16(0));
  return join(...parts);
}

/** A torch file of the zip form with a pickle and one storage, `0`. */
export function torchZip(pickle: Uint8Array, storage: Uint8Array = new Uint8Array(16), options?: ZipOptions) {
  return zipOf({ "a/data.pkl": pickle, "a/byteorder": latin("little"), "a/data/0": storage }, options);
}

/** A torch file of the older form with a pickle and storages, by key. */
export function torchLegacy(
  pickle: Uint8Array,
  storages: Readonly<Record<string, readonly [elements: number, bytes: Uint8Array]>>,
): Uint8Array<ArrayBuffer> {
  const keys = Object.keys(storages).map((key) => `${word(key)}a`).join("");
  return join(
    latin("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."),
    latin("\x80\x02M\xe9\x03."),
    latin("\x80\x02}."),
    pickle,
    latin(`\x80\x02]${keys}.`),
    ...Object.values(storages).flatMap(([elements, bytes]) => [u64(elements), bytes]),
  );
}

/** A torch file of the zip form with a dictionary of float tensors, perhaps in another dictionary. */
export function torchFileOf(tree: ParamTree, within?: string): Uint8Array<ArrayBuffer> {
  const tensors = Object.entries(tree).map(([name, { shape, data }], i) => {
    const place = { shape, strides: contiguousStrides(shape), elements: data.length, key: `${i}` };
    return [name, tensorOf(place)] as const;
  });
  const state = dictionary(Object.fromEntries(tensors));
  const storages = Object.values(tree).map(({ data }, i) =>
    [`a/data/${i}`, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)] as const
  );
  return zipOf({
    "a/data.pkl": pickleOf(within === undefined ? state : dictionary({ [within]: state })),
    ...Object.fromEntries(storages),
  });
}

/** A pickle of a value in the opcodes of the functions below. */
export function pickleOf(opcodes: string): Uint8Array<ArrayBuffer> {
  return latin(`\x80\x02${opcodes}.`);
}

/** Opcodes of a string of ASCII. */
export function word(letters: string): string {
  return `X${unlatin(u32(letters.length))}${letters}`;
}

/** Opcodes of a whole number of up to eight bytes. */
export function number(value: number): string {
  return `\x8a\x08${unlatin(u64(value))}`;
}

/** Opcodes of a tuple. */
export function tuple(...items: string[]): string {
  return `(${items.join("")}t`;
}

/** Opcodes of a dictionary. */
export function dictionary(items: Readonly<Record<string, string>>): string {
  return `}(${Object.entries(items).map(([key, value]) => word(key) + value).join("")}u`;
}

/** Where a tensor lies, and whether it may. */
export interface TensorPlace {
  /** Its extents, by default `[2, 2]`. */
  readonly shape?: Shape;
  /** Its strides, by default `[2, 1]`. */
  readonly strides?: readonly number[];
  /** Its first element, by default 0. */
  readonly offset?: number;
  /** How many elements its storage has, by default four. */
  readonly elements?: number;
  /** The type of its storage, by default `FloatStorage`. */
  readonly type?: string;
  /** The name of its storage, by default `0`. */
  readonly key?: string;
}

/** Opcodes of a tensor. */
export function tensorOf(place: TensorPlace = {}): string {
  const { shape = [2, 2], strides = [2, 1], offset = 0, elements = 4, type = "FloatStorage", key = "0" } =
    place;
  const storage = tuple(word("storage"), `ctorch\n${type}\n`, word(key), word("cpu"), number(elements));
  const args = [
    `${storage}Q`,
    number(offset),
    tuple(...shape.map(number)),
    tuple(...strides.map(number)),
    "\x89",
    "}",
  ];
  return `ctorch._utils\n_rebuild_tensor_v2\n${tuple(...args)}R`;
}

/** The bytes of a string whose letters are below 256. */
export function latin(letters: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
}

/** Puts bytes one behind the other. */
export function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

const ELSEWHERE = 0xffffffff;

function unlatin(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function u16(value: number): Uint8Array {
  return new Uint8Array(Uint16Array.of(value).buffer);
}

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function u64(value: number): Uint8Array {
  return new Uint8Array(BigInt64Array.of(BigInt(value)).buffer);
}

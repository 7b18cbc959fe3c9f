/**
 * The state of a pickle machine, and what its opcodes do to it: bytes are taken, values pushed and popped, lists and dictionaries
 * filled.
 * @module
 */

import { show, showName } from "../show.ts";

/** What a pickle may build: its own lists, tuples (both arrays) and dictionaries (maps), or what the {@linkcode PickleHost} gives. */
export type PickleValue = unknown;

/** What a pickle may ask of its reader. */
export interface PickleHost {
  /** What `module.name` stands for, or an error. */
  readonly global: (name: string) => PickleValue;
  /** What a call of something that `global` gave returns, or an error. */
  readonly call: (callee: PickleValue, args: readonly PickleValue[]) => PickleValue;
  /** What a persistent id stands for, or an error. */
  readonly persistent: (id: PickleValue) => PickleValue;
}

/** A machine that runs one pickle. */
export interface Machine {
  /** Bytes that hold the pickle. */
  readonly bytes: Uint8Array;
  /** Where the next byte is taken. */
  position: number;
  /** Values since the last mark. */
  stack: PickleValue[];
  /** The stacks that were put aside at each mark. */
  readonly marks: PickleValue[][];
  /** Values to come back to, by index. */
  readonly memo: Map<number, PickleValue>;
  /** What the pickle may ask. */
  readonly host: PickleHost;
}

/** Thrown where the bytes end. */
export const ENDED: unique symbol = Symbol("the bytes end inside the pickle");

/** Takes the next bytes. */
export function take(machine: Machine, count: number): Uint8Array {
  const { bytes, position } = machine;
  if (position + count > bytes.length) throw ENDED;
  machine.position += count;
  return bytes.subarray(position, machine.position);
}

/** Takes the next byte. */
export function byte(machine: Machine): number {
  const value = machine.bytes[machine.position];
  if (value === undefined) throw ENDED;
  machine.position++;
  return value;
}

/** Takes an unsigned little-endian number of two or four bytes. */
export function word(machine: Machine, bytes: 2 | 4): number {
  return take(machine, bytes).reduceRight((sum, each) => sum * 256 + each, 0);
}

/** A signed little-endian number of up to 255 bytes. */
export function long(bytes: Uint8Array): number | bigint {
  const digits = Array.from(bytes.toReversed(), (byte) => byte.toString(16).padStart(2, "0"));
  const value = BigInt.asIntN(8 * bytes.length, BigInt(`0x0${digits.join("")}`));
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** Takes a string of some bytes. */
export function text(machine: Machine, count: number): string {
  const bytes = take(machine, count);
  try {
    return UTF_8.decode(bytes);
  } catch {
    throw broken(machine, "has a string that is not UTF-8", `${count} bytes`);
  }
}

/** Takes a string up to the end of its line. */
export function line(machine: Machine): string {
  const { bytes, position } = machine;
  const end = bytes.indexOf(0x0a, position);
  if (end < 0) throw ENDED;
  const letters = text(machine, end - position);
  take(machine, 1);
  return letters;
}

/** Pushes a value. */
export function push({ stack }: Machine, value: PickleValue): void {
  stack.push(value);
}

/** Pops a value. */
export function pop(machine: Machine): PickleValue {
  return popMany(machine, 1)[0];
}

/** Pops some values, the deepest first. */
export function popMany(machine: Machine, count: number): PickleValue[] {
  const { stack } = machine;
  if (stack.length < count) throw broken(machine, `takes ${count} values off its stack`, stack.length);
  return stack.splice(stack.length - count);
}

/** Pops all values since the last mark, and the mark. */
export function popToMark(machine: Machine): PickleValue[] {
  const values = machine.stack;
  const before = machine.marks.pop();
  if (!before) throw broken(machine, "goes back to a mark", "none");
  machine.stack = before;
  return values;
}

/** The value on top of the stack. */
export function top(machine: Machine): PickleValue {
  if (machine.stack.length === 0) throw broken(machine, "looks at its stack", "nothing");
  return machine.stack.at(-1);
}

/** Appends values to the list on top of the stack. */
export function append(machine: Machine, values: readonly PickleValue[]): void {
  const list = top(machine);
  if (!Array.isArray(list)) throw broken(machine, "appends to what is no list", show(list));
  for (const value of values) list.push(value);
}

/** Puts keys and values, in turn, into the dictionary on top of the stack. */
export function setItems(machine: Machine, values: readonly PickleValue[]): void {
  const dictionary = top(machine);
  if (!(dictionary instanceof Map)) throw broken(machine, "sets items of what is no dictionary");
  if (values.length % 2) throw broken(machine, "sets a key to no value", show(values.at(-1)));
  for (let i = 0; i < values.length; i += 2) {
    if (dictionary.has(values[i])) throw broken(machine, "sets a key twice", show(values[i]));
    dictionary.set(values[i], values[i + 1]);
  }
}

/** The value that was stored under an index. */
export function remembered(machine: Machine, index: number): PickleValue {
  if (!machine.memo.has(index)) throw broken(machine, "remembers what it never stored", index);
  return machine.memo.get(index);
}

/** The error of a pickle that cannot be run on. */
export function broken({ position }: Machine, reason: string, found: unknown = "it is damaged"): SyntaxError {
  return new SyntaxError(
    `Cannot read a torch file as its pickle ${reason} before byte ${position}: ` +
      `${typeof found === "string" ? showName(found) : found}; save its state_dict() again`,
  );
}

const UTF_8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

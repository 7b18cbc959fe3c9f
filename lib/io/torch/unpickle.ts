/**
 * A pickle machine that builds lists, tuples, dictionaries and plain values, and runs nothing.
 *
 * Pickles are programs for a stack machine that may import and call whatever they name. Here a name means only what the caller
 * says it does, and an opcode that PyTorch's own files do not use is an error.
 * Opcodes: https://github.com/python/cpython/blob/main/Lib/pickletools.py.
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

/** A pickle that was read. */
export interface Unpickled {
  /** What it built. */
  readonly value: PickleValue;
  /** The first byte behind it. */
  readonly end: number;
}

/** Opcodes that a pickle may have; those of a model of 40,000 tensors are fewer. */
const MOST_STEPS = 1_000_000;

/**
 * Reads one pickle.
 *
 * Time and memory are bounded by its length: nothing is repeated, and what it refers to again is not copied.
 *
 * @param bytes Bytes that hold it, and perhaps others behind it.
 * @param start Its first byte.
 * @returns What it built; `undefined` if the bytes end before it does.
 * @throws {SyntaxError} If it is damaged, or asks for what the host refuses.
 */
export function unpickle(bytes: Uint8Array, start: number, host: PickleHost): Unpickled | undefined {
  const machine: Machine = { bytes, position: start, stack: [], marks: [], memo: new Map(), host };
  try {
    for (let step = 0; step < MOST_STEPS; step++) {
      const opcode = take(machine, 1)[0]!;
      if (opcode === STOP) return { value: pop(machine), end: machine.position };
      const run = STEPS[opcode];
      if (!run) throw broken(machine, "has an opcode that weights do not need", `0x${opcode.toString(16)}`);
      run(machine);
    }
  } catch (error) {
    if (error === ENDED) return undefined;
    throw error;
  }
  throw broken(machine, `has more than ${MOST_STEPS} steps`, "no end");
}

interface Machine {
  readonly bytes: Uint8Array;
  position: number;
  stack: PickleValue[];
  /** The stacks that were put aside at each mark. */
  readonly marks: PickleValue[][];
  readonly memo: Map<number, PickleValue>;
  readonly host: PickleHost;
}

const STOP = 0x2e;
/** Thrown where the bytes end. */
const ENDED = Symbol("the bytes end inside the pickle");
const UTF_8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** The highest protocol of Python 3. */
const NEWEST_PROTOCOL = 5;

const STEPS: Readonly<Record<number, (machine: Machine) => void>> = {
  // PROTO, FRAME
  0x80: (m) => {
    const protocol = word(m, 1);
    if (protocol > NEWEST_PROTOCOL) throw broken(m, "is of an unknown protocol", protocol);
  },
  0x95: (m) => void take(m, 8),
  // NONE, NEWTRUE, NEWFALSE
  0x4e: (m) => push(m, null),
  0x88: (m) => push(m, true),
  0x89: (m) => push(m, false),
  // BININT, BININT1, BININT2, LONG1, BINFLOAT
  0x4a: (m) => push(m, word(m, 4) | 0),
  0x4b: (m) => push(m, word(m, 1)),
  0x4d: (m) => push(m, word(m, 2)),
  0x8a: (m) => push(m, long(take(m, word(m, 1)))),
  0x47: (m) => push(m, new DataView(take(m, 8).slice().buffer).getFloat64(0)),
  // BINSTRING, SHORT_BINSTRING, BINUNICODE, SHORT_BINUNICODE
  0x54: (m) => push(m, text(m, word(m, 4))),
  0x55: (m) => push(m, text(m, word(m, 1))),
  0x58: (m) => push(m, text(m, word(m, 4))),
  0x8c: (m) => push(m, text(m, word(m, 1))),
  // MARK
  0x28: (m) => {
    m.marks.push(m.stack);
    m.stack = [];
  },
  // EMPTY_TUPLE, TUPLE, TUPLE1, TUPLE2, TUPLE3
  0x29: (m) => push(m, []),
  0x74: (m) => push(m, popToMark(m)),
  0x85: (m) => push(m, popMany(m, 1)),
  0x86: (m) => push(m, popMany(m, 2)),
  0x87: (m) => push(m, popMany(m, 3)),
  // EMPTY_LIST, APPEND, APPENDS
  0x5d: (m) => push(m, []),
  0x61: (m) => append(m, popMany(m, 1)),
  0x65: (m) => append(m, popToMark(m)),
  // EMPTY_DICT, SETITEM, SETITEMS
  0x7d: (m) => push(m, new Map()),
  0x73: (m) => setItems(m, popMany(m, 2)),
  0x75: (m) => setItems(m, popToMark(m)),
  // BINPUT, LONG_BINPUT, MEMOIZE
  0x71: (m) => void m.memo.set(word(m, 1), top(m)),
  0x72: (m) => void m.memo.set(word(m, 4), top(m)),
  0x94: (m) => void m.memo.set(m.memo.size, top(m)),
  // BINGET, LONG_BINGET
  0x68: (m) => push(m, remembered(m, word(m, 1))),
  0x6a: (m) => push(m, remembered(m, word(m, 4))),
  // GLOBAL, STACK_GLOBAL, REDUCE, BUILD, BINPERSID
  0x63: (m) => push(m, m.host.global(`${line(m)}.${line(m)}`)),
  0x93: (m) => {
    const [module, name] = popMany(m, 2);
    if (typeof module !== "string" || typeof name !== "string") throw broken(m, "names a global by no words");
    push(m, m.host.global(`${module}.${name}`));
  },
  0x52: (m) => {
    const [callee, args] = popMany(m, 2);
    if (!Array.isArray(args)) throw broken(m, "calls something without a tuple", show(args));
    push(m, m.host.call(callee, args));
  },
  0x62: (m) => {
    pop(m); // attributes of a dictionary, such as the versions of modules: weights do not need them
    if (!(top(m) instanceof Map)) throw broken(m, "gives attributes to what is no dictionary");
  },
  0x51: (m) => push(m, m.host.persistent(pop(m))),
};

function take(machine: Machine, count: number): Uint8Array {
  const { bytes, position } = machine;
  if (position + count > bytes.length) throw ENDED;
  machine.position += count;
  return bytes.subarray(position, machine.position);
}

/** An unsigned little-endian number of up to four bytes. */
function word(machine: Machine, count: number): number {
  return take(machine, count).reduceRight((sum, byte) => sum * 256 + byte, 0);
}

/** A signed little-endian number of up to 255 bytes. */
function long(bytes: Uint8Array): number | bigint {
  const digits = Array.from(bytes.toReversed(), (byte) => byte.toString(16).padStart(2, "0"));
  const value = BigInt.asIntN(8 * bytes.length, BigInt(`0x0${digits.join("")}`));
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function text(machine: Machine, count: number): string {
  const bytes = take(machine, count);
  try {
    return UTF_8.decode(bytes);
  } catch {
    throw broken(machine, "has a string that is not UTF-8", `${count} bytes`);
  }
}

function line(machine: Machine): string {
  const { bytes, position } = machine;
  const end = bytes.indexOf(0x0a, position);
  if (end < 0) throw ENDED;
  const letters = text(machine, end - position);
  take(machine, 1);
  return letters;
}

function push({ stack }: Machine, value: PickleValue): void {
  stack.push(value);
}

function pop(machine: Machine): PickleValue {
  return popMany(machine, 1)[0];
}

function popMany(machine: Machine, count: number): PickleValue[] {
  const { stack } = machine;
  if (stack.length < count) throw broken(machine, `takes ${count} values off its stack`, stack.length);
  return stack.splice(stack.length - count);
}

function popToMark(machine: Machine): PickleValue[] {
  const values = machine.stack;
  const before = machine.marks.pop();
  if (!before) throw broken(machine, "goes back to a mark", "none");
  machine.stack = before;
  return values;
}

function top(machine: Machine): PickleValue {
  if (machine.stack.length === 0) throw broken(machine, "looks at its stack", "nothing");
  return machine.stack.at(-1);
}

function append(machine: Machine, values: readonly PickleValue[]): void {
  const list = top(machine);
  if (!Array.isArray(list)) throw broken(machine, "appends to what is no list", show(list));
  for (const value of values) list.push(value);
}

function setItems(machine: Machine, values: readonly PickleValue[]): void {
  const dictionary = top(machine);
  if (!(dictionary instanceof Map)) throw broken(machine, "sets items of what is no dictionary");
  if (values.length % 2) throw broken(machine, "sets a key to no value", show(values.at(-1)));
  for (let i = 0; i < values.length; i += 2) {
    if (dictionary.has(values[i])) throw broken(machine, "sets a key twice", show(values[i]));
    dictionary.set(values[i], values[i + 1]);
  }
}

function remembered(machine: Machine, index: number): PickleValue {
  if (!machine.memo.has(index)) throw broken(machine, "remembers what it never stored", index);
  return machine.memo.get(index);
}

function broken({ position }: Machine, reason: string, found: unknown = "it is damaged"): SyntaxError {
  return new SyntaxError(
    `Cannot read a torch file as its pickle ${reason} before byte ${position}: ` +
      `${typeof found === "string" ? showName(found) : found}; save its state_dict() again`,
  );
}

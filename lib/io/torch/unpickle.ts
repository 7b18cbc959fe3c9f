/**
 * A pickle machine that builds lists, tuples, dictionaries and plain values, and runs nothing.
 *
 * Pickles are programs for a stack machine that may import and call whatever they name. Here a name means only what the caller
 * says it does, and an opcode that PyTorch's own files do not use is an error.
 * Opcodes: https://github.com/python/cpython/blob/main/Lib/pickletools.py.
 * @module
 */

import { show } from "../show.ts";
import {
  append,
  broken,
  byte,
  ENDED,
  line,
  long,
  type Machine,
  type PickleHost,
  type PickleValue,
  pop,
  popMany,
  popToMark,
  push,
  remembered,
  setItems,
  take,
  text,
  top,
  word,
} from "./pickle_machine.ts";

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
      const opcode = byte(machine);
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

const STOP = 0x2e;
/** The highest protocol of Python 3. */
const NEWEST_PROTOCOL = 5;

const STEPS: Readonly<Record<number, (machine: Machine) => void>> = {
  // PROTO, FRAME
  0x80: (m) => {
    const protocol = byte(m);
    if (protocol > NEWEST_PROTOCOL) throw broken(m, "is of an unknown protocol", protocol);
  },
  0x95: (m) => void take(m, 8),
  // NONE, NEWTRUE, NEWFALSE
  0x4e: (m) => push(m, null),
  0x88: (m) => push(m, true),
  0x89: (m) => push(m, false),
  // BININT, BININT1, BININT2, LONG1, BINFLOAT
  0x4a: (m) => push(m, word(m, 4) | 0),
  0x4b: (m) => push(m, byte(m)),
  0x4d: (m) => push(m, word(m, 2)),
  0x8a: (m) => push(m, long(take(m, byte(m)))),
  0x47: (m) => push(m, new DataView(take(m, 8).slice().buffer).getFloat64(0)),
  // BINSTRING, SHORT_BINSTRING, BINUNICODE, SHORT_BINUNICODE
  0x54: (m) => push(m, text(m, word(m, 4))),
  0x55: (m) => push(m, text(m, byte(m))),
  0x58: (m) => push(m, text(m, word(m, 4))),
  0x8c: (m) => push(m, text(m, byte(m))),
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
  0x71: (m) => void m.memo.set(byte(m), top(m)),
  0x72: (m) => void m.memo.set(word(m, 4), top(m)),
  0x94: (m) => void m.memo.set(m.memo.size, top(m)),
  // BINGET, LONG_BINGET
  0x68: (m) => push(m, remembered(m, byte(m))),
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

/**
 * Mutations that know the opcodes of a pickle.
 * @module
 */

import { join, latin, number, word } from "../torch_writer.ts";
import type { Draws } from "./draws.ts";

/** Takes out, doubles, exchanges, puts in or changes opcodes. */
export function mutatePickle(pickle: Uint8Array, draws: Draws): Uint8Array {
  let opcodes = splitOpcodes(pickle);
  for (let edit = draws.below(2); edit >= 0; edit--) opcodes = mutateOpcodes(opcodes, pickle.length, draws);
  return join(...opcodes);
}

/** Cuts a pickle, or several in a row, into opcodes with their arguments; what is none is a piece of its own. */
export function splitOpcodes(bytes: Uint8Array): Uint8Array[] {
  const opcodes: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + argumentBytes(bytes, at));
    opcodes.push(bytes.subarray(at, end));
    at = end;
  }
  return opcodes;
}

/** Opcodes whose arguments are of one length: PROTO, FRAME, BININT, BININT1, BININT2, BINFLOAT, BINPUT, BINGET, their long forms. */
const FIXED: Readonly<Record<number, number>> = {
  0x80: 1,
  0x95: 8,
  0x4a: 4,
  0x4b: 1,
  0x4d: 2,
  0x47: 8,
  0x71: 1,
  0x72: 4,
  0x68: 1,
  0x6a: 4,
};
const BINUNICODE = 0x58;
const SHORT_BINUNICODE = 0x8c;
const LONG1 = 0x8a;
const GLOBAL = 0x63;
/** BININT, BININT1, BININT2, LONG1: extents, strides, offsets, lengths. */
const NUMBERS = [0x4a, 0x4b, 0x4d, LONG1];

function argumentBytes(bytes: Uint8Array, at: number): number {
  const opcode = bytes[at]!;
  if (opcode === SHORT_BINUNICODE || opcode === LONG1) return 1 + (bytes[at + 1] ?? 0);
  if (opcode === BINUNICODE) return 4 + (bytes[at + 1] ?? 0) + 256 * (bytes[at + 2] ?? 0);
  if (opcode === GLOBAL) return bytes.indexOf(0x0a, bytes.indexOf(0x0a, at) + 1) - at;
  return FIXED[opcode] ?? 0;
}

const GLOBALS = [
  "torch\nFloatStorage",
  "torch\nHalfStorage",
  "torch\nLongStorage",
  "torch._utils\n_rebuild_tensor_v2",
  "torch._utils\n_rebuild_parameter",
  "collections\nOrderedDict",
  "torch\nSize",
  "torch\nfloat32",
  "posix\nsystem",
  "builtins\neval",
  "torch\n__proto__",
];
/** Bare opcodes: known ones, and four that are refused (DUP, POP, NEWOBJ, LONG4). */
const BARE = [
  ..."(.)}]Naestu0tQRb",
  "\x85",
  "\x86",
  "\x87",
  "\x88",
  "\x89",
  "\x93",
  "\x94",
  "2",
  "\x81",
  "\x8b",
];

function mutateOpcodes(opcodes: readonly Uint8Array[], length: number, draws: Draws): Uint8Array[] {
  if (opcodes.length === 0) return [invent(length, draws)];
  const at = draws.below(opcodes.length);
  const old = opcodes[at]!;
  switch (draws.below(10)) {
    case 0:
      return opcodes.toSpliced(at, 1 + draws.below(3));
    case 1:
      return opcodes.toSpliced(at, 0, ...Array(1 + draws.below(draws.one([3, 2000]))).fill(old));
    case 2: {
      const other = draws.below(opcodes.length);
      return opcodes.with(at, opcodes[other]!).with(other, old);
    }
    case 3:
      return opcodes.toSpliced(at, draws.below(2), invent(length, draws));
    case 4:
      return opcodes.with(at, join(Uint8Array.of(draws.below(256)), old.subarray(1)));
    case 5:
      return opcodes.toSpliced(
        at,
        0,
        ...opcodes.slice(draws.below(opcodes.length)).slice(0, draws.below(40)),
      );
    case 6:
      return opcodes.with(at, renew(old, length, draws));
    default: {
      const numbers = [...opcodes.keys()].filter((index) => NUMBERS.includes(opcodes[index]![0]!));
      const index = draws.one([at, ...numbers]);
      return opcodes.with(index, renew(opcodes[index]!, length, draws));
    }
  }
}

/** An opcode of the same kind with another argument. */
function renew(opcode: Uint8Array, length: number, draws: Draws): Uint8Array {
  const kind = opcode[0]!;
  if (NUMBERS.includes(kind)) return latin(number(draws.number(length)));
  if (kind === GLOBAL) return latin(`c${draws.one(GLOBALS)}\n`);
  if (kind === BINUNICODE || kind === SHORT_BINUNICODE) {
    return latin(
      word(draws.one(["", "0", "1", "state_dict", "__proto__", "a\nb", "\xff", "storage", "x".repeat(400)])),
    );
  }
  if (FIXED[kind] === 1) return Uint8Array.of(kind, draws.below(draws.one([4, 40, 256])));
  return invent(length, draws);
}

function invent(length: number, draws: Draws): Uint8Array {
  return latin(draws.one([
    draws.one(BARE),
    draws.one(BARE),
    `h${String.fromCharCode(draws.below(40))}`,
    `q${String.fromCharCode(draws.below(40))}`,
    number(draws.number(length)),
    `c${draws.one(GLOBALS)}\n`,
    word("state_dict"),
    "X\xff\xff\xff\x7f",
    `\x8a\xff${"\x7f".repeat(255)}`,
    "cposix\nsystem\nX\x02\0\0\0id\x85R",
    "}q\0X\x01\0\0\0ah\0s",
    "]q\0h\0a",
  ]));
}

/**
 * Half precision: IEEE binary16 and bfloat16 to and from f32, bits as 16-bit words in the machine's byte order.
 *
 * The engine's own `Float16Array` converts binary16 (round to nearest, ties to even); bfloat16 is the upper half of an f32.
 * @module
 */

import type { F32, U16 } from "./tensor.ts";

/** The largest finite binary16 value. */
export const HALF_MAX = 65504;

/** The first finite value that is beyond {@linkcode HALF_MAX}, by its index; -1: there is none. */
export function findBeyondHalf(values: F32): number {
  return values.findIndex((value) => Math.abs(value) > HALF_MAX && Number.isFinite(value));
}

/** Rounds floats to binary16 words, to nearest, ties to even; past {@linkcode HALF_MAX} they become infinite. */
export function floatsToHalfs(values: F32): Uint16Array<ArrayBuffer> {
  return new Uint16Array(new Float16Array(values as Float32Array<ArrayBuffer>).buffer);
}

/** Reads binary16 words as floats; every value is kept exactly. */
export function halfsToFloats(words: U16): Float32Array<ArrayBuffer> {
  return new Float32Array(new Float16Array(words.buffer, words.byteOffset, words.length));
}

/** Rounds floats to bfloat16 words, to nearest, ties to even; a NaN stays a NaN. */
export function floatsToBfloats(values: F32): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(new Float32Array(values as Float32Array<ArrayBuffer>).buffer);
  return Uint16Array.from(bits, (word) => {
    const isNan = (word & 0x7fffffff) > 0x7f800000;
    return isNan ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  });
}

/** Reads bfloat16 words as floats; every value is kept exactly. */
export function bfloatsToFloats(words: Uint16Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  return new Float32Array(Uint32Array.from(words, (word) => word << 16).buffer);
}

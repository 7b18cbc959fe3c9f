/**
 * Mutations that know nothing of a file but that it is bytes.
 * @module
 */

import { join } from "../torch_writer.ts";
import type { Draws } from "./draws.ts";

/** Changes bytes here or there, cuts, doubles or takes out a piece, or goes on as another file does. */
export function mutateBytes(file: Uint8Array, others: readonly Uint8Array[], draws: Draws): Uint8Array {
  const at = draws.below(file.length + 1);
  const to = Math.min(file.length, at + draws.below(draws.one([4, 64, file.length])));
  switch (draws.below(7)) {
    case 0:
      return file.subarray(0, at);
    case 1:
      return join(file.subarray(0, at), file.subarray(to));
    case 2:
      return join(file.subarray(0, to), file.subarray(at));
    case 3: {
      const other = draws.one(others);
      return join(file.subarray(0, at), other.subarray(draws.below(other.length)));
    }
    case 4:
      return join(file, file.subarray(at, to));
    case 5:
      return withWord(file, at, draws.one([2, 4, 8]), draws.number(file.length));
    default:
      return withWord(file, at, 1, draws.one([0, 0x7f, 0x80, 0xff, draws.below(256)]));
  }
}

/** A copy in which a little-endian word stands at a place, as far as the file goes. */
export function withWord(file: Uint8Array, at: number, bytes: number, value: number): Uint8Array {
  const word = new Uint8Array(BigInt64Array.of(BigInt(value)).buffer).subarray(0, bytes);
  const copy = file.slice();
  copy.set(word.subarray(0, Math.max(0, copy.length - at)), Math.min(at, copy.length));
  return copy;
}

/**
 * Images of whole numbers that `tests/golden/seeded_image.py` draws as well, so that they need not be kept.
 * @module
 */

import { type FloatTensor, tensor } from "../lib/core/tensor.ts";

/** Stripes with more noise in each quarter, `[1, height, width, 3]` in `[0, 1]`: bytes divided by 255. */
export function seededImage(seed: number, height: number, width: number): FloatTensor {
  const data = Float32Array.from({ length: height * width * 3 }, (_, i) => {
    const [y, x, c] = [Math.floor(i / (3 * width)), Math.floor(i / 3) % width, i % 3];
    const stripes = Math.min(Math.abs(((x * (5 + 2 * c) + y * (7 - 2 * c) + 13 * seed) & 511) - 255), 255);
    const noise = mixed(i + Math.imul(0x9e3779b9, seed)) >>> 24;
    const byte = stripes + ((noise - 128) * Math.floor(4 * x / width) >> 2);
    return Math.min(Math.max(byte, 0), 255) / 255;
  });
  return tensor([1, height, width, 3], data);
}

/** A number to a word that looks random: the finalizer of MurmurHash3. */
export function mixed(number: number): number {
  const first = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2ae35);
  return (second ^ (second >>> 16)) >>> 0;
}

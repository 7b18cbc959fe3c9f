/**
 * The discrete cosine transform of 8x8 blocks in integers, quantised.
 * @module
 */

import type { Plane } from "./planes.ts";

/** Coefficients of a plane. */
export interface QuantisedBlocks {
  /** Rows of blocks. */
  readonly rows: number;
  /** Columns of blocks. */
  readonly columns: number;
  /** 64 of each block, block by block in rows, from low to high frequencies in a zigzag. */
  readonly coefficients: Int16Array;
}

/**
 * Transforms and quantises a plane.
 *
 * @param steps 64 steps, row by row.
 */
export function quantisedBlocks({ height, width, data }: Plane, steps: readonly number[]): QuantisedBlocks {
  const [rows, columns] = [height / 8, width / 8];
  const coefficients = new Int16Array(height * width);
  const block = new Int32Array(64);
  for (let at = 0; at < coefficients.length; at += 64) {
    const corner = Math.floor(at / (64 * columns)) * 8 * width + (at / 8) % width;
    for (let i = 0; i < 64; i++) block[i] = data[corner + (i >> 3) * width + (i & 7)]! - 128;
    for (let i = 0; i < 8; i++) transformLine(block, 8 * i, 1, 11);
    for (let i = 0; i < 8; i++) transformLine(block, i, 8, 15);
    for (let i = 0; i < 64; i++) {
      // The transform leaves all values eight times as large.
      const value = block[ZIGZAG[i]!]!, step = 8 * steps[ZIGZAG[i]!]!;
      const magnitude = Math.floor((Math.abs(value) + step / 2) / step);
      coefficients[at + i] = value < 0 ? -magnitude : magnitude;
    }
  }
  return { rows, columns, coefficients };
}

/**
 * Eight values of a block in place: `Σ_j M[k, j] x[j]`, rounded to nearest as `shift` binary places are cut.
 *
 * The even rows of `M` see sums of two values, the odd ones differences.
 */
function transformLine(block: Int32Array, start: number, stride: number, shift: number): void {
  const at = (i: number) => block[start + i * stride]!;
  const sums = [at(0) + at(7), at(1) + at(6), at(2) + at(5), at(3) + at(4)] as const;
  const differences = [at(0) - at(7), at(1) - at(6), at(2) - at(5), at(3) - at(4)] as const;
  for (let k = 0; k < 8; k++) {
    const [a, b, c, d] = k % 2 === 0 ? sums : differences;
    const [p, q, r, s] = COSINES[k]!;
    block[start + k * stride] = (p * a + q * b + r * c + s * d + (1 << (shift - 1))) >> shift;
  }
}

/**
 * Cosines times √2 with 13 binary places, of the left half of each row. Some differ by one from what is nearest: libjpeg's
 * transform (Loeffler, Ligtenberg and Moschytz 1989) adds them up from constants that are rounded, and the sum is what counts.
 */
const COSINES: readonly (readonly [number, number, number, number])[] = [
  [8192, 8192, 8192, 8192],
  [11363, 9633, 6437, 2260],
  [10703, 4433, -4433, -10703],
  [9633, -2259, -11362, -6436],
  [8192, -8192, -8192, 8192],
  [6437, -11362, 2261, 9633],
  [4433, -10704, 10704, -4433],
  [2260, -6436, 9633, -11363],
];

/** Places of a block along its anti-diagonals, in turns up and down. */
const ZIGZAG: readonly number[] = Array.from({ length: 64 }, (_, i) => i).sort((a, b) => {
  const [sumA, sumB] = [(a >> 3) + (a & 7), (b >> 3) + (b & 7)];
  if (sumA !== sumB) return sumA - sumB;
  return sumA % 2 === 0 ? b - a : a - b;
});

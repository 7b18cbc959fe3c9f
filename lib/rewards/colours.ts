/**
 * Measures of an image's colours, on the host and in double precision.
 * @module
 */

import type { Pixels } from "./measures.ts";

/** The mean saturation of HSV, from 0 (grey) to 1: of each pixel `(max - min) / max` of its channels, 0 where it is black. */
export function saturation({ data }: Pixels): number {
  let sum = 0;
  for (let i = 0; i < data.length; i += 3) {
    const most = Math.max(data[i]!, data[i + 1]!, data[i + 2]!);
    const least = Math.min(data[i]!, data[i + 1]!, data[i + 2]!);
    if (most > 0) sum += (most - least) / most;
  }
  return sum / (data.length / 3);
}

/**
 * How many colours share an image: the entropy `-Σ p log2 p` of its pixels over 8x8x8 cells of RGB, in bits, from 0 (one
 * cell) to 9 (all of them alike).
 */
export function colourEntropy({ data }: Pixels): number {
  const counts = new Float64Array(SHADES ** 3);
  for (let i = 0; i < data.length; i += 3) {
    counts[(shade(data[i]!) * SHADES + shade(data[i + 1]!)) * SHADES + shade(data[i + 2]!)]!++;
  }
  const pixels = data.length / 3;
  return counts.reduce((sum, count) => count > 0 ? sum - count / pixels * Math.log2(count / pixels) : sum, 0);
}

/** Cells along a channel. */
const SHADES = 8;

function shade(value: number): number {
  return Math.min(Math.max(Math.floor(SHADES * value), 0), SHADES - 1);
}

/**
 * Which columns of a gemm an invocation of a workgroup owns, in fours.
 * @module
 */

import type { Tile } from "./kernel.ts";

/** Lanes of a processor's vector; no hardware is given workgroups as small. */
const VECTOR = 8;

/**
 * Fours from one of an invocation's fours of columns to its next.
 *
 * Hardware joins the loads of neighbours that lie side by side. A processor takes the lanes of a vector one by one and waits for
 * memory the less the more of them miss its cache at once, so there each lane has columns of its own (1280 -> 1280 channels of
 * 8 x 8 pixels: 23 % of the peak, 20 % in turns).
 */
export function fourStride({ lanesX, lanesY }: Tile): number {
  return lanesX * lanesY <= VECTOR ? 1 : lanesX;
}

/** Fours from an invocation's first to its neighbour's first. */
export function neighbourStride(tile: Tile): number {
  return fourStride(tile) === 1 ? tile.columns / 4 : 1;
}

/**
 * Many small images as one picture.
 * @module
 */

import { floatsToBytes } from "../lib/core/bytes.ts";
import type { FloatTensor } from "../lib/core/tensor.ts";
import type { Image } from "../lib/io/png.ts";
import { blankCanvas, paste } from "./run/canvas.ts";

/** How a grid is laid out. */
export interface GridOptions {
  /** Images in a row. */
  readonly columns: number;
  /** Pixels of the grid for each pixel of an image; default 1. */
  readonly scale?: number;
  /** White pixels between images; default 2. */
  readonly gap?: number;
}

/**
 * Lays images out row by row on white.
 *
 * @param images `[N, H, W, 3]` in `[0, 1]`.
 */
export function imageGrid({ shape, data }: FloatTensor, { columns, scale = 1, gap = 2 }: GridOptions): Image {
  const [count, height, width] = shape as readonly [number, number, number, number];
  const rows = Math.ceil(count / columns);
  const cell = { width: width * scale, height: height * scale };
  const grid = blankCanvas(columns * (cell.width + gap) + gap, rows * (cell.height + gap) + gap);
  const bytes = floatsToBytes(data);
  const length = height * width * 3;
  for (let n = 0; n < count; n++) {
    const left = gap + (n % columns) * (cell.width + gap);
    const top = gap + Math.floor(n / columns) * (cell.height + gap);
    const image = { width, height, data: bytes.subarray(n * length, (n + 1) * length) };
    paste(grid, image, { ...cell, left, top });
  }
  return grid;
}

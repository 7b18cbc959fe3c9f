/**
 * Many small images as one picture.
 * @module
 */

import { floatsToBytes } from "../lib/core/bytes.ts";
import type { FloatTensor } from "../lib/core/tensor.ts";
import type { Image } from "../lib/io/png.ts";

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
  const step = { x: width * scale + gap, y: height * scale + gap };
  const grid = { width: columns * step.x + gap, height: rows * step.y + gap };
  const bytes = floatsToBytes(data);
  const pixels = new Uint8Array(grid.width * grid.height * 3).fill(255);
  for (let n = 0; n < count; n++) {
    const left = gap + (n % columns) * step.x, top = gap + Math.floor(n / columns) * step.y;
    for (let y = 0; y < height * scale; y++) {
      for (let x = 0; x < width * scale; x++) {
        const from = ((n * height + Math.floor(y / scale)) * width + Math.floor(x / scale)) * 3;
        const to = ((top + y) * grid.width + left + x) * 3;
        pixels.set(bytes.subarray(from, from + 3), to);
      }
    }
  }
  return { ...grid, channels: 3, data: pixels };
}

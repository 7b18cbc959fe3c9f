/**
 * Contact sheets: many images in one.
 * @module
 */

import type { Image } from "../../lib/io/png.ts";
import { floatsToBytes } from "../../lib/core/bytes.ts";
import type { F32 } from "../../lib/core/tensor.ts";
import { SIZE } from "./pack.ts";

/**
 * Lays images out in rows.
 *
 * @param images `[B, 32, 32, 3]`, 0 to 1.
 * @param columns Images across; the last row is filled up with white.
 */
export function contactSheet(images: F32, columns: number): Image {
  const bytes = floatsToBytes(images);
  const count = bytes.length / (SIZE * SIZE * 3);
  const width = columns * SIZE;
  const height = Math.ceil(count / columns) * SIZE;
  const data = new Uint8Array(width * height * 3).fill(255);
  for (let row = 0; row < count * SIZE; row++) {
    const image = Math.floor(row / SIZE);
    const y = Math.floor(image / columns) * SIZE + row % SIZE;
    const x = image % columns * SIZE;
    data.set(bytes.subarray(row * SIZE * 3, (row + 1) * SIZE * 3), (y * width + x) * 3);
  }
  return { width, height, channels: 3, data };
}

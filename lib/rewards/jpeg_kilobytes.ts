/**
 * The size of an image as a JPEG file, a measure of how much there is in it.
 * @module
 */

import { floatsToBytes } from "../core/bytes.ts";
import { jpegSize } from "./jpeg/jpeg_size.ts";
import type { ByteImage } from "./jpeg/planes.ts";
import type { Pixels } from "./measures.ts";

/** The least width an image is enlarged to; smaller files are mostly header. */
const LEAST_WIDTH = 128;

/** The quality of the JPEG file, 1 to 100. */
const QUALITY = 95;

/**
 * The size of an image as a JPEG file of quality 95, in KB of 1000 bytes: to the byte that of Pillow's files. Images narrower
 * than 128 pixels are enlarged to at least that by repeating pixels.
 *
 * See Black et al. 2023, https://arxiv.org/abs/2305.13301.
 */
export function jpegKilobytes({ height, width, data }: Pixels): number {
  const image = { height, width, data: floatsToBytes(data) };
  return jpegSize(enlarged(image, Math.max(1, Math.ceil(LEAST_WIDTH / width))), QUALITY) / 1000;
}

/** Each pixel repeated along both axes. */
function enlarged({ height, width, data }: ByteImage, factor: number): ByteImage {
  if (factor === 1) return { height, width, data };
  const [rows, columns] = [height * factor, width * factor];
  const large = new Uint8Array(rows * columns * 3);
  for (let i = 0; i < large.length; i++) {
    const [row, column] = [Math.floor(i / (3 * columns)), Math.floor(i / 3) % columns];
    large[i] = data[3 * (Math.floor(row / factor) * width + Math.floor(column / factor)) + i % 3]!;
  }
  return { height: rows, width: columns, data: large };
}

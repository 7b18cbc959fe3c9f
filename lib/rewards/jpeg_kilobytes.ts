/**
 * The size of an image as a JPEG file, a measure of how much there is in it.
 * @module
 */

import { encode } from "jpeg-js";
import type { Pixels } from "./measures.ts";

/** The least width an image is enlarged to; smaller files are mostly header. */
const LEAST_WIDTH = 128;

/** The quality of the JPEG file, 1 to 100. */
const QUALITY = 95;

/**
 * The size of an image as a JPEG file of quality 95, in KB of 1000 bytes. Images narrower than 128 pixels are enlarged
 * to at least that by repeating pixels.
 *
 * See Black et al. 2023, https://arxiv.org/abs/2305.13301. Differs from its implementation: colours are stored at the
 * full resolution, where Pillow stores them at half; files are so larger by the colours' share.
 */
export function jpegKilobytes({ height, width, data }: Pixels): number {
  const factor = Math.max(1, Math.ceil(LEAST_WIDTH / width));
  const rgba = new Uint8Array(height * width * factor * factor * 4);
  for (let row = 0, at = 0; row < height * factor; row++) {
    for (let column = 0; column < width * factor; column++) {
      const from = 3 * (Math.floor(row / factor) * width + Math.floor(column / factor));
      for (let channel = 0; channel < 3; channel++) rgba[at++] = toByte(data[from + channel]!);
      rgba[at++] = 255;
    }
  }
  return encode({ width: width * factor, height: height * factor, data: rgba }, QUALITY).data.length / 1000;
}

function toByte(value: number): number {
  return Math.round(255 * Math.min(Math.max(value, 0), 1));
}

/**
 * A white picture to paste images and write text on.
 *
 * @module
 */

import type { Image } from "../../lib/io/png.ts";
import { drawText } from "./font.ts";

/** A picture in the making, RGB. */
export interface Canvas extends Image {
  /** Always 3. */
  readonly channels: 3;
  /** `[height, width, 3]`, 0 to 255. */
  readonly data: Uint8Array<ArrayBuffer>;
}

/** Where something is and how large, in pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The grey of text. */
const INK = 0x33;

/** Makes a white canvas. */
export function blankCanvas(width: number, height: number): Canvas {
  return { width, height, channels: 3, data: new Uint8Array(width * height * 3).fill(255) };
}

/**
 * Pastes an RGB image into a box whose extents are the image's times or divided by a whole number; where it is divided, a
 * pixel is the mean of those it stands for.
 */
export function paste(canvas: Canvas, image: Pick<Image, "width" | "height" | "data">, box: Box): void {
  const shrink = Math.max(1, Math.floor(image.width / box.width));
  for (let y = 0; y < box.height; y++) {
    const fromY = Math.floor(y * image.height / box.height);
    for (let x = 0; x < box.width; x++) {
      const fromX = Math.floor(x * image.width / box.width);
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let dy = 0; dy < shrink; dy++) {
          for (let dx = 0; dx < shrink; dx++) {
            sum += image.data[((fromY + dy) * image.width + fromX + dx) * 3 + channel]!;
          }
        }
        const position = ((box.top + y) * canvas.width + box.left + x) * 3 + channel;
        canvas.data[position] = Math.round(sum / shrink ** 2);
      }
    }
  }
}

/** Writes one line of text, `scale` pixels for each of the font's. */
export function write(canvas: Canvas, text: string, left: number, top: number, scale: number): void {
  drawText(text, (x, y) => {
    for (let dy = 0; dy < scale; dy++) {
      const start = ((top + y * scale + dy) * canvas.width + left + x * scale) * 3;
      canvas.data.fill(INK, start, start + 3 * scale);
    }
  });
}

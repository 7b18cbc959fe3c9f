/**
 * Chooses grids of images and brings them to a size that a page can hold.
 *
 * @module
 */

import { encode } from "jpeg-js";
import { decodePng, type Image } from "../../lib/io/png.ts";
import type { EpochFile } from "./read_run.ts";

/** A picture inside the page. */
export interface Picture {
  /** How many epochs the model had been trained for. */
  readonly epoch: number;
  /** The file as a data URI. */
  readonly source: string;
  /** Pixels across. */
  readonly width: number;
  /** Pixels down. */
  readonly height: number;
}

/** Pictures, and files that are none. */
export interface Pictures {
  /** In the order of their epochs. */
  readonly pictures: readonly Picture[];
  /** The names of files that cannot be read. */
  readonly damaged: readonly string[];
}

/** Bytes that all pictures may take together; base64 makes a third more of them. */
const MOST_BYTES = 1_900_000;
/** Pixels across a picture that is made smaller, at most. */
const MOST_WIDTH = 1600;
const JPEG_QUALITY = 85;

/**
 * Reads the pictures; those that are too large together are made smaller, and JPEG.
 *
 * @param files Of PNG.
 */
export async function readPictures(files: readonly EpochFile[]): Promise<Pictures> {
  const found = await Promise.all(
    files.map(async (file) => ({ ...file, bytes: await Deno.readFile(file.path) })),
  );
  const share = MOST_BYTES / files.length;
  const isLarge = found.reduce((sum, { bytes }) => sum + bytes.length, 0) > MOST_BYTES;
  const pictures: Picture[] = [], damaged: string[] = [];
  for (const { epoch, path, bytes } of found) {
    try {
      const image = decodePng(bytes);
      const { width, height, file, type } = isLarge && bytes.length > share
        ? shrinkTo(share, image)
        : { ...image, file: bytes, type: "png" };
      pictures.push({ epoch, width, height, source: `data:image/${type};base64,${file.toBase64()}` });
    } catch {
      damaged.push(path);
    }
  }
  return { pictures, damaged };
}

/** At most `count` items of a list: the first, the last, and others evenly between. */
export function pickEvenly<T>(items: readonly T[], count: number): readonly T[] {
  if (items.length <= count) return items;
  return Array.from({ length: count }, (_, i) => items[Math.round(i * (items.length - 1) / (count - 1))]!);
}

function shrinkTo(bytes: number, image: Image) {
  for (let factor = Math.ceil(image.width / MOST_WIDTH);; factor++) {
    const { width, height, data } = shrink(image, factor);
    const file = new Uint8Array(encode({ width, height, data }, JPEG_QUALITY).data);
    if (file.length <= bytes || width < 200) return { width, height, file, type: "jpeg" };
  }
}

/** The mean of every square of `factor` by `factor` pixels, as RGBA. */
function shrink({ width, height, channels, data }: Image, factor: number) {
  const small = { width: Math.floor(width / factor), height: Math.floor(height / factor) };
  const rgba = new Uint8Array(small.width * small.height * 4).fill(255);
  for (let y = 0; y < small.height; y++) {
    for (let x = 0; x < small.width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let i = 0; i < factor * factor; i++) {
          const row = y * factor + Math.floor(i / factor), column = x * factor + i % factor;
          sum += data[(row * width + column) * channels + channel]!;
        }
        rgba[(y * small.width + x) * 4 + channel] = Math.round(sum / factor ** 2);
      }
    }
  }
  return { ...small, data: rgba };
}

/**
 * PNG images of eight bits a channel, with text beside the pixels for the settings that made them.
 * @module
 */

import { decode, encode } from "fast-png";

/** An image in memory. */
export interface Image {
  /** Pixels across. */
  readonly width: number;
  /** Pixels down. */
  readonly height: number;
  /** 3 for RGB, 4 for RGB and straight alpha. */
  readonly channels: 3 | 4;
  /** `[height, width, channels]`, 0 to 255. */
  readonly data: Uint8Array;
}

/** An image read from a file, with its text. */
export interface DecodedPng extends Image {
  /** The text chunks by keyword. */
  readonly text: Readonly<Record<string, string>>;
}

/**
 * Writes a PNG file. Same image and text, same bytes.
 *
 * @param text Text chunks by keyword (1 to 79 Latin letters). Text past ASCII is written as `\uXXXX`, which is what JSON reads.
 * @throws {TypeError} If the pixels are not as many as the extents say.
 */
export function encodePng(
  image: Image,
  text: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const { width, height, channels, data } = image;
  if (data.length !== width * height * channels) {
    throw new TypeError(
      `Cannot write a PNG as [${height}, ${width}, ${channels}] holds ${
        width * height * channels
      } bytes: ${data.length} given`,
    );
  }
  const ascii = Object.entries(text).map(([keyword, value]) => [keyword, escapeUnicode(value)]);
  return new Uint8Array(encode({ width, height, channels, depth: 8, data, text: Object.fromEntries(ascii) }));
}

/**
 * Reads a PNG file of RGB or RGBA, eight bits a channel.
 *
 * @throws {TypeError} If it is of another kind.
 */
export function decodePng(file: Uint8Array): DecodedPng {
  const { width, height, channels, depth, data, text } = decode(file);
  if (depth !== 8 || (channels !== 3 && channels !== 4)) {
    throw new TypeError(
      `Cannot read a PNG as it is not 8-bit RGB or RGBA: ${channels} channels of ${depth} bits`,
    );
  }
  return { width, height, channels, data: new Uint8Array(data), text };
}

function escapeUnicode(text: string): string {
  return text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

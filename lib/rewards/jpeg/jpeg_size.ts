/**
 * The size of an image as a baseline JPEG file, without the file: to the byte what Pillow's `Image.save(…, "JPEG", quality=…)`
 * writes by libjpeg-turbo with its defaults: colours at half the resolution, the integer DCT, the standard Huffman codes.
 *
 * See ITU-T T.81 (1992), https://www.w3.org/Graphics/JPEG/itu-t81.pdf. Roundings and edges are libjpeg's.
 * @module
 */

import { type QuantisedBlocks, quantisedBlocks } from "./blocks.ts";
import { type ByteCounter, byteCounter } from "./byte_counter.ts";
import { CHROMA_CODES, CODES_BYTES, type ComponentCodes, LUMA_CODES } from "./huffman.ts";
import { type ByteImage, jpegPlanes } from "./planes.ts";
import { CHROMA_STEPS, LUMA_STEPS, stepsAt } from "./steps.ts";

/**
 * The size in bytes.
 *
 * @param quality From 1 to 100, as libjpeg counts.
 */
export function jpegSize(image: ByteImage, quality: number): number {
  const { luma, blue, red } = jpegPlanes(image);
  const [lumaSteps, chromaSteps] = [stepsAt(quality, LUMA_STEPS), stepsAt(quality, CHROMA_STEPS)];
  const bytes = byteCounter();
  const components = [
    { blocks: quantisedBlocks(luma, lumaSteps), across: 2, codes: LUMA_CODES },
    { blocks: quantisedBlocks(blue, chromaSteps), across: 1, codes: CHROMA_CODES },
    { blocks: quantisedBlocks(red, chromaSteps), across: 1, codes: CHROMA_CODES },
  ].map((component) => ({ ...component, last: 0 }));
  for (let row = 0; row < Math.ceil(image.height / 16); row++) {
    for (let column = 0; column < Math.ceil(image.width / 16); column++) {
      for (const component of components) {
        const { blocks, across, codes } = component;
        for (let i = 0; i < across * across; i++) {
          const at = blockAt(blocks, row * across + Math.floor(i / across), column * across + i % across);
          component.last = at === null
            ? countBlank(bytes, codes, component.last)
            : countBlock(bytes, codes, component.last, blocks.coefficients, at);
        }
      }
    }
  }
  return HEADER_BYTES + bytes.end();
}

/** Start of image, JFIF segment, two quantisation tables, frame, four Huffman tables, scan, end of image. */
const HEADER_BYTES = 2 + 18 + 2 * 69 + 19 + CODES_BYTES + 14 + 2;

/** Where a block's coefficients begin; `null` for those that only fill up the last 16x16 pixels. */
function blockAt({ rows, columns }: QuantisedBlocks, row: number, column: number): number | null {
  return row < rows && column < columns ? 64 * (row * columns + column) : null;
}

/** A block that repeats the mean before it, and has no more: what fills up. */
function countBlank(bytes: ByteCounter, { dc, ac }: ComponentCodes, last: number): number {
  bytes.put(dc.code[0]!, dc.length[0]!);
  bytes.put(ac.code[END_OF_BLOCK]!, ac.length[END_OF_BLOCK]!);
  return last;
}

/** Writes a block; `last` is the mean of the one before, and the result that of this one. */
function countBlock(
  bytes: ByteCounter,
  { dc, ac }: ComponentCodes,
  last: number,
  coefficients: Int16Array,
  at: number,
): number {
  const mean = coefficients[at]!;
  putNumber(bytes, mean - last, dc, 0);
  let zeros = 0;
  for (let i = at + 1; i < at + 64; i++) {
    const value = coefficients[i]!;
    if (value === 0) {
      zeros++;
      continue;
    }
    for (; zeros > 15; zeros -= 16) bytes.put(ac.code[SIXTEEN_ZEROS]!, ac.length[SIXTEEN_ZEROS]!);
    putNumber(bytes, value, ac, zeros << 4);
    zeros = 0;
  }
  if (zeros > 0) bytes.put(ac.code[END_OF_BLOCK]!, ac.length[END_OF_BLOCK]!);
  return mean;
}

const END_OF_BLOCK = 0x00;
const SIXTEEN_ZEROS = 0xf0;

/** A symbol that holds the number's length in bits, then these bits; negative ones as their magnitude's complement. */
function putNumber(bytes: ByteCounter, value: number, table: ComponentCodes["dc"], run: number): void {
  const length = 32 - Math.clz32(Math.abs(value));
  const symbol = run | length;
  bytes.put(table.code[symbol]!, table.length[symbol]!);
  if (length > 0) bytes.put(value < 0 ? value + (1 << length) - 1 : value, length);
}

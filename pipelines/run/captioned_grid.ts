/**
 * Images in a grid with captions: a column a prompt, a row a seed.
 *
 * @module
 */

import { floatsToBytes } from "../../lib/core/bytes.ts";
import type { FloatTensor } from "../../lib/core/tensor.ts";
import type { Image } from "../../lib/io/png.ts";
import { blankCanvas, type Canvas, paste, write } from "./canvas.ts";
import { LETTER_HEIGHT, textWidth } from "./font.ts";

/** Prompts side by side; more begin another band of rows. */
const COLUMNS = 8;
/** Pixels an image is brought to, about, by a whole factor. */
const CELL = { least: 96, most: 256 };
/** Pixels between things. */
const GAP = 4;
/** Pixels above each column. */
const CAPTION = 2 * LETTER_HEIGHT + 2 * GAP;

/**
 * Draws the grid on white.
 *
 * @param images `[P * S, H, W, 3]` in `[0, 1]`, all seeds of a prompt in a row.
 * @param prompts `P` captions for the columns; what is too long for two lines is cut.
 * @param seeds `S` labels for the rows.
 */
export function captionedGrid(
  { shape, data }: FloatTensor,
  prompts: readonly string[],
  seeds: readonly string[],
): Image {
  const [, height, width] = shape as readonly [number, number, number, number];
  const fit = fitOf(Math.max(height, width));
  const cell = { width: fit(width), height: fit(height) };
  const labels = 2 * GAP + Math.max(...seeds.map(textWidth));
  const band = CAPTION + seeds.length * (cell.height + GAP);
  const bands = Math.ceil(prompts.length / COLUMNS);
  const columns = Math.min(COLUMNS, prompts.length);
  const canvas = blankCanvas(labels + columns * (cell.width + GAP), bands * band + GAP);
  const pixels = floatsToBytes(data);
  prompts.forEach((prompt, p) => {
    const column = p % COLUMNS;
    const left = labels + column * (cell.width + GAP);
    const top = Math.floor(p / COLUMNS) * band;
    writeCaption(canvas, withoutAccents(prompt), left, top + GAP, cell.width);
    seeds.forEach((seed, s) => {
      const y = top + CAPTION + s * (cell.height + GAP);
      if (column === 0) write(canvas, seed, GAP, y + Math.floor((cell.height - LETTER_HEIGHT) / 2), 1);
      const start = (p * seeds.length + s) * height * width * 3;
      const image = { width, height, data: pixels.subarray(start, start + height * width * 3) };
      paste(canvas, image, { ...cell, left, top: y });
    });
  });
  return canvas;
}

/** From an extent in an image to one in the grid: times or divided by a whole number. */
function fitOf(side: number): (extent: number) => number {
  const shrink = Math.ceil(side / CELL.most);
  const grow = Math.max(1, Math.round(CELL.least / side));
  return (extent) => shrink > 1 ? Math.floor(extent / shrink) : extent * grow;
}

/** Writes a caption above a column, centred: large on one line where it fits, else small on one or two. */
function writeCaption(canvas: Canvas, text: string, left: number, top: number, width: number): void {
  const isShort = 2 * textWidth(text) <= width;
  const scale = isShort ? 2 : 1;
  const lines = isShort ? [text] : twoLines(text, width);
  const first = top + (2 - lines.length * scale) * LETTER_HEIGHT;
  lines.forEach((line, i) => {
    const x = left + Math.floor((width - textWidth(line) * scale) / 2);
    write(canvas, line, x, first + i * LETTER_HEIGHT * scale, scale);
  });
}

/** Breaks a text into at most two lines, between words if it can; what does not fit ends in dots. */
function twoLines(text: string, width: number): string[] {
  const first = longestStart(text, width);
  if (first === text) return [text];
  const space = text.slice(0, first.length + 1).lastIndexOf(" ");
  const cut = space > 0 ? space : first.length;
  const rest = text.slice(cut).trim();
  const fits = textWidth(rest) <= width;
  return [text.slice(0, cut), fits ? rest : `${longestStart(rest, width - textWidth(" ..."))}...`];
}

/** As much of a text's start as fits. */
function longestStart(text: string, width: number): string {
  let end = text.length;
  while (end > 0 && textWidth(text.slice(0, end)) > width) end--;
  return text.slice(0, end);
}

function withoutAccents(text: string): string {
  return text.normalize("NFD").replace(/\p{Mark}/gu, "");
}

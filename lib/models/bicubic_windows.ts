/**
 * The windows that images are resized by, with the bits of Pillow's `Image.resize(…, BICUBIC)` of 8-bit images.
 *
 * See Pillow's src/libImaging/Resample.c: a bicubic of a = -0.5, as much wider as the image becomes smaller, its weights in
 * 22 binary places.
 * @module
 */

import { words, type WordTensor } from "../core/tensor.ts";

/** An axis before and after. */
export interface ResizedAxis {
  /** Positions before. */
  readonly from: number;
  /** Positions after. */
  readonly to: number;
  /** The first of the positions after that is kept. */
  readonly start: number;
  /** How many are kept. */
  readonly count: number;
}

/**
 * The windows of an axis, for the op `resample_bytes`.
 *
 * @returns u32 `[count, 1 + taps]`: where each window starts, and its weights, zeros among them where others are wider.
 */
export function bicubicWindows({ from, to, start, count }: ResizedAxis): WordTensor {
  const windows = Array.from({ length: count }, (_, i) => windowAt(start + i, from, to));
  const taps = Math.max(...windows.map(({ weights }) => weights.length));
  return words(
    [count, 1 + taps],
    windows.flatMap(({ first, weights }) => {
      // A window that would go beyond the axis for its last zeros begins with zeros instead.
      const shift = Math.max(first + taps - from, 0);
      const zeros = (length: number) => new Array<number>(length).fill(0);
      return [first - shift, ...zeros(shift), ...weights, ...zeros(taps - shift - weights.length)];
    }),
  );
}

interface Window {
  readonly first: number;
  readonly weights: readonly number[];
}

/** In double precision, in Pillow's order of operations: the last bits decide how weights are rounded. */
function windowAt(position: number, from: number, to: number): Window {
  const scale = from / to;
  const widening = Math.max(scale, 1);
  const support = 2 * widening;
  const centre = (position + 0.5) * scale;
  const first = Math.max(Math.trunc(centre - support + 0.5), 0);
  const last = Math.min(Math.trunc(centre + support + 0.5), from);
  const raw = Array.from(
    { length: last - first },
    (_, i) => bicubic((i + first - centre + 0.5) * (1 / widening)),
  );
  const sum = raw.reduce((total, weight) => total + weight, 0);
  return { first, weights: raw.map((weight) => toFixedPoint(weight / sum)) };
}

function bicubic(signed: number): number {
  const x = Math.abs(signed);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

/** With 22 binary places, half away from zero. */
function toFixedPoint(weight: number): number {
  return Math.trunc(weight * 2 ** 22 + (weight < 0 ? -0.5 : 0.5));
}

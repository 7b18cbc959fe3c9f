/**
 * Measures of one image, on the host and in double precision.
 *
 * An image is its `H * W * 3` RGB values in `[0, 1]`, row by row.
 * @module
 */

import { moments } from "../core/moments.ts";
import type { F32, FloatTensor } from "../core/tensor.ts";
import { checkImages } from "./reward.ts";

/** Pixels of one image, `[height, width, 3]`, RGB in `[0, 1]`. */
export interface Pixels {
  /** Rows. */
  readonly height: number;
  /** Columns. */
  readonly width: number;
  /** `height * width * 3` values. */
  readonly data: F32;
}

/** A number for an image. */
export type Measure = (pixels: Pixels) => number;

/**
 * Applies a measure to each image of a batch.
 *
 * @param images `[B, H, W, 3]`, RGB in `[0, 1]`.
 * @returns `[B]`.
 * @throws {TypeError} If the images have another shape.
 * @throws {RangeError} If a value is not finite: some measures would take it for a colour.
 */
export function measured(images: FloatTensor, measure: Measure): Float32Array<ArrayBuffer> {
  const count = checkImages(images);
  const [, height, width] = images.shape as readonly [number, number, number, number];
  const values = height * width * 3;
  const bad = images.data.findIndex((value) => !Number.isFinite(value));
  if (bad !== -1) {
    throw new RangeError(
      `Cannot measure image ${Math.floor(bad / values)} as a value is not finite: ${images.data[bad]}`,
    );
  }
  return Float32Array.from(
    { length: count },
    (_, b) => measure({ height, width, data: images.data.slice(b * values, (b + 1) * values) }),
  );
}

/**
 * How colourful an image is: `sqrt(σ²rg + σ²yb) + 0.3 sqrt(μ²rg + μ²yb)` with `rg = R - G` and
 * `yb = (R + G) / 2 - B`, of values from 0 to 255. 0 is grey, 33 moderately, 109 extremely colourful.
 *
 * See Hasler and Süsstrunk 2003, "Measuring colourfulness in natural images", https://doi.org/10.1117/12.477378.
 */
export function colourfulness({ data }: Pixels): number {
  const count = data.length / 3;
  let sumRg = 0, sumYb = 0, squares = 0;
  for (let i = 0; i < data.length; i += 3) {
    const [r, g, b] = [255 * data[i]!, 255 * data[i + 1]!, 255 * data[i + 2]!];
    const [rg, yb] = [r - g, (r + g) / 2 - b];
    sumRg += rg;
    sumYb += yb;
    squares += rg * rg + yb * yb;
  }
  const means = (sumRg * sumRg + sumYb * sumYb) / (count * count);
  return Math.sqrt(Math.max(squares / count - means, 0)) + 0.3 * Math.sqrt(means);
}

/**
 * How sharp an image is: the standard deviation of the Laplacian (four neighbours less four times the pixel) of its
 * luma from 0 to 255, over the pixels that have all four neighbours.
 *
 * @throws {RangeError} If the image is smaller than 3x3.
 */
export function sharpness(pixels: Pixels): number {
  const { height, width } = pixels;
  if (height < 3 || width < 3) {
    throw new RangeError(`Cannot measure sharpness as the image is smaller than 3x3: ${height}x${width}`);
  }
  const y = luma(pixels);
  let sum = 0, squares = 0;
  for (let row = 1; row < height - 1; row++) {
    for (let column = 1; column < width - 1; column++) {
      const i = row * width + column;
      const laplacian = 255 * (y[i - width]! + y[i + width]! + y[i - 1]! + y[i + 1]! - 4 * y[i]!);
      sum += laplacian;
      squares += laplacian * laplacian;
    }
  }
  const count = (height - 2) * (width - 2);
  return Math.sqrt(Math.max(squares / count - (sum / count) ** 2, 0));
}

/**
 * How much an image is its own mirror image, left to right: the correlation of the two over pixels and channels, in
 * `[-1, 1]`. A blank image has nothing to mirror and gets 0.
 */
export function symmetry({ height, width, data }: Pixels): number {
  const count = data.length;
  const mean = data.reduce((sum, x) => sum + x, 0) / count;
  let variance = 0, covariance = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const i = 3 * (row * width + column), j = 3 * (row * width + width - 1 - column);
      for (let channel = 0; channel < 3; channel++) {
        const x = data[i + channel]! - mean;
        variance += x * x;
        covariance += x * (data[j + channel]! - mean);
      }
    }
  }
  return covariance / (variance + BLANK * count);
}

/** The share of pixels whose three channels are all at least 0.95. */
export function whiteFraction({ data }: Pixels): number {
  let white = 0;
  for (let i = 0; i < data.length; i += 3) {
    if (Math.min(data[i]!, data[i + 1]!, data[i + 2]!) >= 0.95) white++;
  }
  return white / (data.length / 3);
}

/** The mean ink, 1 less the darkest channel, of the outermost two pixels on each side; 0 is a white border, 1 the most. */
export function borderInk({ height, width, data }: Pixels): number {
  let ink = 0, count = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      if (Math.min(row, height - 1 - row, column, width - 1 - column) >= 2) continue;
      const i = 3 * (row * width + column);
      ink += 1 - Math.min(data[i]!, data[i + 1]!, data[i + 2]!);
      count++;
    }
  }
  return ink / count;
}

/** The mean luma, from 0 (black) to 1 (white). */
export function brightness(pixels: Pixels): number {
  const y = luma(pixels);
  return y.reduce((sum, value) => sum + value, 0) / y.length;
}

/** The standard deviation of the luma from 0 to 255. */
export function contrast(pixels: Pixels): number {
  return 255 * moments(luma(pixels)).std;
}

/** The luma of ITU-R BT.601 of each pixel, in `[0, 1]`. */
export function luma({ data }: Pixels): Float64Array<ArrayBuffer> {
  const y = new Float64Array(data.length / 3);
  for (let i = 0; i < y.length; i++) {
    y[i] = 0.299 * data[3 * i]! + 0.587 * data[3 * i + 1]! + 0.114 * data[3 * i + 2]!;
  }
  return y;
}

/** Variance below which an image counts as blank: a deviation of 1 % of the range. */
export const BLANK = 1e-4;

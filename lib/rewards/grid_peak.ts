/**
 * Fine patterns that repeat over an image, which decoders and overoptimised policies leave.
 * @module
 */

import { fourier } from "./fourier.ts";
import { luma, type Pixels } from "./measures.ts";

/** Frequencies from here on are fine, in cycles a pixel along either axis; the finest is 0.5. */
const FINE = 0.25;

/** A deviation of luma that nobody sees: one level of a byte. */
const LEVEL = 1 / 255;

/**
 * How far one fine pattern stands out: `10 log10((max P + c) / (mean P + c))` of the power `P = |F(w (y - μ))|²` at all
 * fine frequencies, where `F` is the Fourier transform of the luma `y` in a Hann window `w`, and `c` the power of noise
 * of one level. A blank image has 0 dB, noise of 32x32
 * pixels about 9, a faint grid over it 20 and more.
 *
 * @throws {RangeError} If the image is smaller than 4x4.
 */
export function gridPeak(pixels: Pixels): number {
  const { height, width } = pixels;
  if (height < 4 || width < 4) {
    throw new RangeError(`Cannot look for a grid as the image is smaller than 4x4: ${height}x${width}`);
  }
  const y = luma(pixels);
  const mean = y.reduce((sum, value) => sum + value, 0) / y.length;
  const down = hann(height), across = hann(width);
  const windowed = y.map((value, i) => (value - mean) * down[Math.floor(i / width)]! * across[i % width]!);
  const power = powerOf(windowed, height, width).filter((_, i) =>
    Math.max(frequency(Math.floor(i / width), height), frequency(i % width, width)) >= FINE
  );
  const floor = squares(down) * squares(across) * LEVEL ** 2;
  const most = power.reduce((most, value) => Math.max(most, value), 0);
  const typical = power.reduce((sum, value) => sum + value, 0) / power.length;
  return 10 * Math.log10((most + floor) / (typical + floor));
}

/** A Hann window that is above 0 at both ends. */
function hann(count: number): Float64Array<ArrayBuffer> {
  return Float64Array.from({ length: count }, (_, n) => Math.sin(Math.PI * (n + 1) / (count + 1)) ** 2);
}

/** Cycles a pixel of the `k`th of `count` frequencies, without its sign. */
function frequency(k: number, count: number): number {
  return Math.min(k, count - k) / count;
}

/** The power of each frequency of a real image, `[height, width]`. */
function powerOf(image: Float64Array<ArrayBuffer>, height: number, width: number): Float64Array<ArrayBuffer> {
  const across = fourier(width), down = fourier(height);
  const rows = Array.from(
    { length: height },
    (_, row) => across({ re: image.slice(row * width, (row + 1) * width), im: new Float64Array(width) }),
  );
  const power = new Float64Array(height * width);
  for (let column = 0; column < width; column++) {
    const { re, im } = down({
      re: new Float64Array(rows.map((row) => row.re[column]!)),
      im: new Float64Array(rows.map((row) => row.im[column]!)),
    });
    for (let row = 0; row < height; row++) power[row * width + column] = re[row]! ** 2 + im[row]! ** 2;
  }
  return power;
}

function squares(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}

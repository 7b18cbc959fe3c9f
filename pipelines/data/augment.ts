/**
 * Augmentation: picked images, moved and scaled a little, on a white or pastel background.
 *
 * An image is a function of the key and its position in the batch alone, so a batch can be drawn again, or in parts.
 * @module
 */

import { fold, type Key, philox, uniforms } from "../../lib/core/random.ts";
import { type EmojiPack, IMAGE_BYTES, SIZE } from "./pack.ts";

/** How images vary. */
export interface Augmentation {
  /** Probability of a mirrored image. */
  readonly flip: number;
  /** Largest shift in whole pixels, either way on both axes. */
  readonly shift: number;
  /** Least and greatest scale about the centre. */
  readonly scale: readonly [number, number];
  /** Probability of a white background; else a pastel. */
  readonly white: number;
  /** Largest change of a channel's brightness, as a share of it. */
  readonly gain: number;
  /** Probability that a square of 8x8 pixels shows the background. */
  readonly cutout: number;
  /** Half the width of the uniform noise added to each value. */
  readonly noise: number;
}

/** Nothing but the image on white. */
export const PLAIN: Augmentation = {
  flip: 0,
  shift: 0,
  scale: [1, 1],
  white: 1,
  gain: 0,
  cutout: 0,
  noise: 0,
};

/** What the autoencoder and the diffusion model learn from. */
export const MILD: Augmentation = { ...PLAIN, flip: 0.5, shift: 2, scale: [0.85, 1.05], white: 0.85 };

/** What CLIP and the rewards learn from. */
export const STRONG: Augmentation = { ...MILD, shift: 4, gain: 0.05, cutout: 0.05, noise: 0.02 };

/** The pastel backgrounds: red, green and blue of `[0, 1]` by name. */
export const pastels: Readonly<Record<string, readonly [number, number, number]>> = {
  red: [1, 0.78, 0.76],
  orange: [1, 0.87, 0.72],
  yellow: [1, 0.97, 0.72],
  green: [0.78, 0.95, 0.78],
  blue: [0.76, 0.88, 1],
  purple: [0.88, 0.81, 0.98],
  grey: [0.85, 0.85, 0.85],
};

/**
 * Draws the picked images.
 *
 * @param picks Indices into the pack, one an image of the batch.
 * @param key Image `b` is drawn from `fold(key, b)`.
 * @returns `[B, 32, 32, 3]` RGB, 0 to 1.
 */
export function augment(
  pack: EmojiPack,
  picks: readonly number[],
  key: Key,
  options: Augmentation,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(picks.length * SIZE * SIZE * 3);
  picks.forEach((pick, b) => {
    const own = fold(key, b);
    const image = out.subarray(b * SIZE * SIZE * 3, (b + 1) * SIZE * SIZE * 3);
    const source = pack.pixels.subarray(pick * IMAGE_BYTES, (pick + 1) * IMAGE_BYTES);
    const view = drawView(own, options);
    composite(image, source, view);
    if (options.gain > 0) scaleChannels(image, view.gains);
    if (options.noise > 0) addNoise(image, fold(own, "noise"), options.noise);
  });
  return out;
}

/** The name of each image's background, null for white, as {@linkcode augment} draws them from the same key. */
export function backgroundNames(key: Key, count: number, options: Augmentation): (string | null)[] {
  return Array.from({ length: count }, (_, b) => drawView(fold(key, b), options).background);
}

/** What was drawn for one image. */
interface View {
  readonly mirrored: boolean;
  readonly shift: readonly [number, number];
  readonly scale: number;
  readonly background: string | null;
  readonly gains: readonly number[];
  /** Left and upper edge of the square cut out, or null. */
  readonly hole: readonly [number, number] | null;
}

const WHITE = [1, 1, 1] as const;

const HOLE = 8;

function drawView(own: Key, { flip, shift, scale, white, gain, cutout }: Augmentation): View {
  const draws = uniforms(own, 12);
  const whole = (i: number, count: number) => Math.floor(draws[i]! * count);
  const names = Object.keys(pastels);
  return {
    mirrored: draws[0]! < flip,
    shift: [whole(1, 2 * shift + 1) - shift, whole(2, 2 * shift + 1) - shift],
    scale: scale[0] + draws[3]! * (scale[1] - scale[0]),
    background: draws[4]! < white ? null : names[whole(5, names.length)]!,
    gains: [6, 7, 8].map((i) => 1 + gain * (2 * draws[i]! - 1)),
    hole: draws[9]! < cutout ? [whole(10, SIZE - HOLE + 1), whole(11, SIZE - HOLE + 1)] : null,
  };
}

/** Samples the source bilinearly with premultiplied alpha, over the background. */
function composite(image: Float32Array, source: Uint8Array, view: View): void {
  const [red, green, blue] = view.background === null ? WHITE : pastels[view.background]!;
  const columns = sourceTaps(view.shift[0], view.scale, view.mirrored);
  const rows = sourceTaps(view.shift[1], view.scale, false);
  const [left, top] = view.hole ?? [-HOLE, -HOLE];
  for (let y = 0, at = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++, at += 3) {
      let r = 0, g = 0, b = 0, a = 0;
      const cut = x >= left && x < left + HOLE && y >= top && y < top + HOLE;
      for (let tap = cut ? 4 : 0; tap < 4; tap++) {
        const row = 2 * y + (tap >> 1), column = 2 * x + (tap & 1);
        const weight = rows.weights[row]! * columns.weights[column]!;
        if (weight === 0) continue;
        const from = (rows.pixels[row]! * SIZE + columns.pixels[column]!) * 4;
        const shown = weight * source[from + 3]! / 255;
        a += shown;
        r += shown * source[from]!;
        g += shown * source[from + 1]!;
        b += shown * source[from + 2]!;
      }
      image[at] = r / 255 + (1 - a) * red;
      image[at + 1] = g / 255 + (1 - a) * green;
      image[at + 2] = b / 255 + (1 - a) * blue;
    }
  }
}

/** Along one axis: the two source pixels of each pixel and their weights, 0 outside the image. */
function sourceTaps(shift: number, scale: number, mirrored: boolean) {
  const pixels = new Uint8Array(2 * SIZE);
  const weights = new Float64Array(2 * SIZE);
  for (let i = 0; i < SIZE; i++) {
    const position = (i + 0.5 - shift - SIZE / 2) / scale + SIZE / 2 - 0.5;
    const first = Math.floor(position);
    for (const tap of [0, 1]) {
      const pixel = first + tap;
      if (pixel < 0 || pixel >= SIZE) continue;
      pixels[2 * i + tap] = mirrored ? SIZE - 1 - pixel : pixel;
      weights[2 * i + tap] = tap === 0 ? 1 - (position - first) : position - first;
    }
  }
  return { pixels, weights };
}

function scaleChannels(image: Float32Array, gains: readonly number[]): void {
  for (let i = 0; i < image.length; i++) image[i] = Math.min(1, image[i]! * gains[i % 3]!);
}

/** Adds noise of 256 levels: one random byte a value, sixteen from a block. */
function addNoise(image: Float32Array, key: Key, halfWidth: number): void {
  for (let i = 0; i < image.length; i += 16) {
    const block = philox([i / 16, 0, 0, 0], key);
    for (let j = 0; j < 16; j++) {
      const byte = (block[j >> 2]! >>> (8 * (j & 3))) & 0xff;
      const value = image[i + j]! + halfWidth * ((2 * byte + 1) / 256 - 1);
      image[i + j] = Math.min(1, Math.max(0, value));
    }
  }
}

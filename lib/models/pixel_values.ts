/**
 * Images as the published models see them: resized, cropped and normalised with the bits of the image libraries.
 *
 * The models learned from what Pillow makes of 8-bit images; a resize in floats differs from it by several levels. So the
 * images are rounded to bytes, and all that is computed from there is exact, on every adapter. The bytes have no gradient:
 * `differentiablePixels` has one, for methods that differentiate a reward.
 *
 * Widths are resized before heights, as Pillow does up to version 12; version 13 begins with the heights of images that are
 * much higher than wide, and differs there by a level here and there.
 * @module
 */

import { type FloatTensor, tensor, type WordTensor } from "../core/tensor.ts";
import type { Value } from "../engine/graph.ts";
import { bytesToLevels, resampleBytes } from "../engine/ops/bytes.ts";
import { clamp, mul, round } from "../engine/ops/elementwise.ts";
import { bicubicWindows } from "./bicubic_windows.ts";

/** A number for red, green and blue each. */
export type PerChannel = readonly [number, number, number];

/** How images are prepared for a model. */
export interface PixelConfig {
  /** Height and width `S` of what the model sees. */
  readonly size: number;
  /** Taken off, of values in `[0, 1]`. */
  readonly mean: PerChannel;
  /** What the rest is divided by. */
  readonly std: PerChannel;
  /**
   * Whose roundings are followed. transformers multiplies bytes by 1/255 in f64 and crops at half the excess rounded down;
   * torchvision divides them by 255 in f32 and crops at half the excess rounded to even.
   */
  readonly library: "transformers" | "torchvision";
}

/** What CLIP's processor does, which PickScore and HPSv2 share. */
export const clipPixels: PixelConfig = {
  size: 224,
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
  library: "transformers",
};

/** The numbers that {@linkcode pixelValues} works by: inputs of its graph, as tensors or as values. */
export interface PixelTables<Words, Floats> {
  /** Windows of the rows, u32 `[S, 1 + taps]`. */
  readonly rows: Words;
  /** Windows of the columns, u32 `[S, 1 + taps]`. */
  readonly columns: Words;
  /** What each byte becomes, `[256, 3]`. */
  readonly levels: Floats;
}

/** The tables for images of a height and width in pixels. */
export function pixelTables(
  config: PixelConfig,
  height: number,
  width: number,
): PixelTables<WordTensor, FloatTensor> {
  const shortest = Math.min(height, width);
  const windows = (from: number) => {
    const to = Math.trunc(config.size * from / shortest);
    return bicubicWindows({ from, to, start: cropStart(config, to), count: config.size });
  };
  return { rows: windows(height), columns: windows(width), levels: levelsOf(config) };
}

/**
 * Prepares images: rounded to bytes, the shortest edge resized to `S`, the middle cut out, normalised.
 *
 * @param images `[B, H, W, 3]`, RGB in `[0, 1]`; what is beyond is clamped, and what is NaN must not come so far.
 * @param tables {@linkcode pixelTables} of their height and width.
 * @returns `[B, S, S, 3]`; no gradient.
 */
export function pixelValues(images: Value, { rows, columns, levels }: PixelTables<Value, Value>): Value {
  const bytes = clamp(round(mul(images, 255)), 0, 255);
  return bytesToLevels(resampleBytes(resampleBytes(bytes, columns, 2), rows, 1), levels);
}

function cropStart({ size, library }: PixelConfig, extent: number): number {
  const half = Math.floor((extent - size) / 2);
  const isUp = library === "torchvision" && (extent - size) % 4 === 3;
  return isUp ? half + 1 : half;
}

function levelsOf({ mean, std, library }: PixelConfig): FloatTensor {
  const { fround } = Math;
  const levels = Array.from({ length: 256 }, (_, byte) => {
    const share = fround(library === "transformers" ? byte * (1 / 255) : byte / 255);
    return mean.map((m, c) => fround(fround(share - fround(m)) / fround(std[c]!)));
  });
  return tensor([256, 3], levels.flat());
}

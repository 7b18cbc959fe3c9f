/**
 * Images as the published models see them, for methods that differentiate a reward: the same values to the bit, and a gradient.
 *
 * Neither bytes nor fixed-point windows have a gradient. In their place it takes the way of the same windows in floats, without
 * any rounding: straight through. So a reward that is differentiated scores images as one that is not. Differs from AlignProp's
 * and ImageReward's training code, which resizes floats by torchvision and so trains on other scores than it reports.
 * @module
 */

import { type FloatTensor, size, tensor, type WordTensor } from "../core/tensor.ts";
import type { Value } from "../engine/graph.ts";
import { add, clamp, mul, sub } from "../engine/ops/elementwise.ts";
import { matmul } from "../engine/ops/matmul.ts";
import { straightThrough } from "../engine/ops/straight_through.ts";
import { permute, reshape, slice } from "../engine/ops/views.ts";
import { type PixelTables, pixelValues } from "./pixel_values.ts";

/** The windows of {@linkcode PixelTables} as matrices, for images of `[H, W]`. */
export interface PixelMatrices<Floats> {
  /** `[S, H]`, of the rows. */
  readonly down: Floats;
  /** `[S, W]`, of the columns. */
  readonly across: Floats;
}

/** The matrices for images of a height and width in pixels. */
export function pixelMatrices(
  { rows, columns }: PixelTables<WordTensor, FloatTensor>,
  height: number,
  width: number,
): PixelMatrices<FloatTensor> {
  return { down: matrixOf(rows, height), across: matrixOf(columns, width) };
}

/**
 * Prepares images as `pixelValues` does.
 *
 * @param images `[B, H, W, 3]`, RGB in `[0, 1]`; beyond there is no gradient.
 * @param tables `pixelTables` and {@linkcode pixelMatrices} of their height and width.
 * @returns `[B, S, S, 3]`, with the gradient of the resize in floats.
 */
export function differentiablePixels(
  images: Value,
  tables: PixelTables<Value, Value> & PixelMatrices<Value>,
): Value {
  const { levels, down, across } = tables;
  const black = slice(levels, 0, 0, 1);
  const range = sub(slice(levels, 0, 255, 256), black);
  const resized = alongRows(alongColumns(clamp(images, 0, 1), across), down);
  return straightThrough(pixelValues(images, tables), add(mul(resized, range), black));
}

/**
 * Maps each row of images: `y[b, h, s, c] = Σ_w matrix[s, w] x[b, h, w, c]`.
 *
 * @param x `[B, H, W, C]`.
 * @param matrix `[S, W]`.
 * @returns `[B, H, S, C]`.
 */
export function alongColumns(x: Value, matrix: Value): Value {
  const [batch, height, width, channels] = x.shape as readonly [number, number, number, number];
  const lines = reshape(permute(x, [0, 1, 3, 2]), [batch * height * channels, width]);
  const mapped = matmul(lines, matrix, { transposeB: true });
  return permute(reshape(mapped, [batch, height, channels, matrix.shape[0]!]), [0, 1, 3, 2]);
}

/** Maps each column of images, as {@linkcode alongColumns} does each row. */
function alongRows(x: Value, matrix: Value): Value {
  return permute(alongColumns(permute(x, [0, 2, 1, 3]), matrix), [0, 2, 1, 3]);
}

/** From windows, each a start and weights of 22 binary places, to a matrix `[count, extent]`. */
function matrixOf({ shape, data }: WordTensor, extent: number): FloatTensor {
  const [count, width] = shape as readonly [number, number];
  const out = new Float32Array(size([count, extent]));
  for (let i = 0; i < count; i++) {
    const start = data[i * width]!;
    for (let tap = 1; tap < width; tap++) {
      out[i * extent + start + tap - 1] = (data[i * width + tap]! | 0) / 2 ** 22;
    }
  }
  return tensor([count, extent], out);
}

/**
 * The extents of a convolution, as its three kernels and its op share them.
 * @module
 */

import { showHalves } from "./gemm_load.ts";
import type { Epilogue } from "./expression.ts";
import type { Tile } from "./kernel.ts";

/** All extents of one convolution; images are channels-last. */
export interface Conv2dShape {
  /** Images. */
  readonly batch: number;
  /** Rows of pixels of the input. */
  readonly height: number;
  /** Columns of pixels of the input. */
  readonly width: number;
  /** Channels of the input. */
  readonly inChannels: number;
  /** Rows of pixels of the output. */
  readonly outHeight: number;
  /** Columns of pixels of the output. */
  readonly outWidth: number;
  /** Channels of the output. */
  readonly outChannels: number;
  /** Rows and columns of taps. */
  readonly taps: readonly [number, number];
  /** Pixels of the input from one output to the next. */
  readonly stride: number;
  /** Pixels of zeros before the first row and before the first column. */
  readonly before: readonly [number, number];
}

/** A convolution kernel to write. */
export interface Conv2dSpec {
  /** The extents. */
  readonly shape: Conv2dShape;
  /** Whether the weights are packed halves, their output channels a multiple of 4 (default no). */
  readonly halves?: boolean;
  /** Whether the images that are convolved are packed halves, their channels a multiple of 4 (default no). */
  readonly halvesX?: boolean;
  /** What an invocation owns of the output. */
  readonly tile: Tile;
  /** Elementwise work before storing. */
  readonly epilogue: Epilogue | null;
}

/** Whether every output pixel reads its own input pixel alone, so that the convolution is a matrix product. */
export function isPointwise(
  { taps, stride, before, height, width, outHeight, outWidth }: Conv2dShape,
): boolean {
  return taps[0] * taps[1] === 1 && stride === 1 && before[0] === 0 && before[1] === 0 &&
    height === outHeight && width === outWidth;
}

/** Extents for a kernel's name: `64x8x8 32->64 3x3`, a stride other than 1 after it, and what is halves. */
export function showConv2d(
  { batch, height, width, inChannels, outChannels, taps, stride }: Conv2dShape,
  { halves = false, halvesX = false }: Pick<Conv2dSpec, "halves" | "halvesX"> = {},
): string {
  const strided = stride === 1 ? "" : ` stride ${stride}`;
  const stored = showHalves(halvesX, halves);
  return `${batch}x${height}x${width} ${inChannels}->${outChannels} ${taps.join("x")}${strided}${stored}`;
}

/** Floating-point operations of the forward pass and of either gradient, zeros around the image counted. */
export function conv2dFlops(
  { batch, outHeight, outWidth, inChannels, outChannels, taps }: Conv2dShape,
): number {
  return 2 * batch * outHeight * outWidth * inChannels * outChannels * taps[0] * taps[1];
}

/** Bytes of input, weights and output together. */
export function conv2dBytes(
  shape: Conv2dShape,
  { halves = false, halvesX = false }: Pick<Conv2dSpec, "halves" | "halvesX"> = {},
): number {
  const { batch, height, width, inChannels, outHeight, outWidth, outChannels, taps } = shape;
  const [x, y] = [batch * height * width * inChannels, batch * outHeight * outWidth * outChannels];
  return (halvesX ? 2 : 4) * x + 4 * y + (halves ? 2 : 4) * taps[0] * taps[1] * inChannels * outChannels;
}

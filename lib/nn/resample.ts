/**
 * Images made larger, and cut into patches.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { broadcast, permute, reshape } from "../engine/ops/views.ts";

/** Repeats each pixel twice along both axes: `[B, H, W, C]` to `[B, 2H, 2W, C]`. */
export function upsampleNearest2x(x: Value): Value {
  const [batch, height, width, channels] = x.shape as readonly [number, number, number, number];
  const apart = reshape(x, [batch, height, 1, width, 1, channels]);
  const repeated = broadcast(apart, [batch, height, 2, width, 2, channels]);
  return reshape(repeated, [batch, 2 * height, 2 * width, channels]);
}

/**
 * Cuts images into squares, row by row.
 *
 * @param x `[B, H, W, C]`.
 * @param patch The squares' side in pixels.
 * @returns `[B, H/patch * W/patch, patch * patch * C]`, each patch row-major with its channels last.
 * @throws {RangeError} If the squares do not fill the images.
 */
export function patchify(x: Value, patch: number): Value {
  const [batch, height, width, channels] = x.shape as readonly [number, number, number, number];
  if (height % patch !== 0 || width % patch !== 0) {
    throw new RangeError(
      `Cannot cut images into patches as ${patch} does not divide their sides: ${height}x${width} pixels`,
    );
  }
  const [rows, columns] = [height / patch, width / patch];
  const squares = permute(reshape(x, [batch, rows, patch, columns, patch, channels]), [0, 1, 3, 2, 4, 5]);
  return reshape(squares, [batch, rows * columns, patch * patch * channels]);
}

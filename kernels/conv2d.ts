/**
 * Convolution of channels-last images, as a matrix product that gathers its rows.
 *
 * `out[b, y, x, co] = Σ_{ky, kx, ci} x[b, y s + ky - top, x s + kx - left, ci] w[ky, kx, ci, co]`, zeros outside,
 * `x` `[B, H, W, Ci]`, `w` `[kh, kw, Ci, Co]`, `out` `[B, Ho, Wo, Co]`, all f32, `x` and `w` perhaps halves. Rows of the tile are output pixels,
 * columns are output channels; each tap finds the rows' input pixels anew and loops over the input channels.
 * Sums are f32, in the order of `w`.
 *
 * Called by `conv2d`.
 * @module
 */

import { conv2dBytes, conv2dFlops, type Conv2dSpec, isPointwise, showConv2d } from "./conv2d_shape.ts";
import { each, gemm, type GemmKernels, loop, multiply, steps } from "./gemm.ts";
import { columnsAlongRow, rowsAlongK, typeOf } from "./gemm_load.ts";
import { matmul } from "./matmul.ts";
import { nestedRounds } from "./rounds.ts";

/** Writes the kernels of a convolution. */
export function conv2d(spec: Conv2dSpec): GemmKernels {
  const { shape, tile, epilogue, halves = false, halvesX = false } = spec;
  const { batch, height, width, inChannels, outHeight, outWidth, outChannels, taps, stride, before } = shape;
  const rows = batch * outHeight * outWidth;
  const columns = outChannels;
  if (isPointwise(shape)) {
    return matmul({
      rows,
      columns,
      depth: inChannels,
      transposeA: false,
      transposeB: false,
      tile,
      epilogue,
      halves,
      halvesA: halvesX,
    });
  }
  const x = { name: "x", width: inChannels, halves: halvesX };
  const w = { name: "w", width: outChannels, halves };
  const step = (count: number) => {
    const left = rowsAlongK(x, tile, count, (i) => `p${i}`, "k", (i) => `v${i}`);
    const right = columnsAlongRow(w, tile, count, (t) => `(tap * ${inChannels}u + k + ${t}u)`);
    return [left.code, right.code, multiply(tile, count, left.at, (k, j) => right.at(j, k))].join("\n  ");
  };
  // Coordinates left of or above the image wrap to large numbers, so one comparison finds both sides.
  const product = gemm({
    name: `conv2d ${showConv2d(shape, spec)}`,
    rows,
    columns,
    tile,
    inputs: [{ name: x.name, type: typeOf(x) }, { name: w.name, type: typeOf(w) }],
    body: [
      each(
        tile.rows,
        (i) => `let y${i} = m${i} / ${outWidth}u % ${outHeight}u * ${stride}u - ${before[0]}u;`,
      ),
      each(tile.rows, (i) => `let x${i} = m${i} % ${outWidth}u * ${stride}u - ${before[1]}u;`),
      each(tile.rows, (i) => `let z${i} = m${i} / ${outHeight * outWidth}u * ${height * width}u;`),
      `for (var tap = 0u; tap < ${taps[0] * taps[1]}u; tap++) {`,
      `let ky = tap / ${taps[1]}u;`,
      `let kx = tap % ${taps[1]}u;`,
      each(tile.rows, (i) => `let v${i} = y${i} + ky < ${height}u && x${i} + kx < ${width}u;`),
      each(tile.rows, (i) => `let p${i} = select(0u, z${i} + (y${i} + ky) * ${width}u + x${i} + kx, v${i});`),
      ...loop(inChannels, step),
      `}`,
    ],
    store: { epilogue, rows },
    flops: conv2dFlops(shape),
    bytes: conv2dBytes(shape, spec),
    rounds: nestedRounds(taps[0] * taps[1], steps(inChannels)),
  });
  return { product, sum: null, scratch: 0 };
}

/**
 * Gradient of a convolution to its input: every input pixel gathers from the outputs that read it.
 *
 * `dx[b, y, x, ci] = Σ_{ky, kx, co} dy[b, (y + top - ky) / s, (x + left - kx) / s, co] w[ky, kx, ci, co]` over the taps
 * where the divisions are exact and inside, `dy` `[B, Ho, Wo, Co]`, `w` `[kh, kw, Ci, Co]`, `dx` `[B, H, W, Ci]`, f32, `w` perhaps halves.
 *
 * With a stride `s` the input pixels fall in `s²` classes by their position modulo `s`, and a class meets only every
 * `s`-th tap along each axis. Rows of a tile are pixels of one class, columns are input channels; the weights are read
 * transposed. Sums are f32, in the order of `w`.
 *
 * Called by `conv2dGradInput`.
 * @module
 */

import { conv2dBytes, conv2dFlops, type Conv2dSpec, isPointwise, showConv2d } from "./conv2d_shape.ts";
import { each, gemm, type GemmKernels, loop, multiply, steps } from "./gemm.ts";
import { columnsAcrossRows, rowsAlongK, typeOf } from "./gemm_load.ts";
import { matmul } from "./matmul.ts";
import { nestedRounds } from "./rounds.ts";

/** Writes the kernels of a convolution's gradient to its input. */
export function conv2dGradInput({ shape, tile, epilogue, halves = false }: Conv2dSpec): GemmKernels {
  const { batch, height, width, inChannels, outHeight, outWidth, outChannels, taps, stride, before } = shape;
  const columns = inChannels;
  if (isPointwise(shape)) {
    const rows = batch * height * width;
    return matmul({
      rows,
      columns,
      depth: outChannels,
      transposeA: false,
      transposeB: true,
      tile,
      epilogue,
      halves,
    });
  }
  const [down, across] = [Math.ceil(height / stride), Math.ceil(width / stride)];
  const exact = height % stride === 0 && width % stride === 0;
  const g = { name: "g", width: outChannels };
  const w = { name: "w", width: outChannels, halves };
  const step = (count: number) => {
    const left = rowsAlongK(g, tile, count, (i) => `p${i}`, "k", (i) => `v${i}`);
    const right = columnsAcrossRows(w, tile, count, columns, `(ky * ${taps[1]}u + kx) * ${inChannels}u`, "k");
    return [left.code, right.code, multiply(tile, count, left.at, (k, j) => right.at(j, k))].join("\n  ");
  };
  const over = stride === 1 ? "" : ` / ${stride}u`;
  const first = (position: string, padding: number) =>
    stride === 1 ? "0u" : `(${position} + ${padding}u) % ${stride}u`;
  // Coordinates left of or above the gradient wrap to large numbers, so one comparison finds both sides.
  const product = gemm({
    name: `conv2d_grad_input ${showConv2d(shape, { halves })}`,
    rows: batch * down * across,
    columns,
    tile,
    parts: stride * stride,
    inputs: [{ name: g.name, type: typeOf(g) }, { name: w.name, type: typeOf(w) }],
    body: [
      `let py = part / ${stride}u;`,
      `let px = part % ${stride}u;`,
      each(tile.rows, (i) => `let y${i} = m${i} / ${across}u % ${down}u * ${stride}u + py;`),
      each(tile.rows, (i) => `let x${i} = m${i} % ${across}u * ${stride}u + px;`),
      each(tile.rows, (i) => `let z${i} = m${i} / ${down * across}u;`),
      `for (var ky = ${first("py", before[0])}; ky < ${taps[0]}u; ky += ${stride}u) {`,
      `for (var kx = ${first("px", before[1])}; kx < ${taps[1]}u; kx += ${stride}u) {`,
      each(tile.rows, (i) => `let oy${i} = (y${i} + ${before[0]}u - ky)${over};`),
      each(tile.rows, (i) => `let ox${i} = (x${i} + ${before[1]}u - kx)${over};`),
      each(tile.rows, (i) => `let v${i} = oy${i} < ${outHeight}u && ox${i} < ${outWidth}u;`),
      each(
        tile.rows,
        (i) => `let p${i} = select(0u, (z${i} * ${outHeight}u + oy${i}) * ${outWidth}u + ox${i}, v${i});`,
      ),
      ...loop(outChannels, step),
      `}`,
      `}`,
    ],
    store: {
      epilogue,
      rows: batch * height * width,
      row: (i) => `(z${i} * ${height}u + y${i}) * ${width}u + x${i}`,
      ...exact ? {} : { condition: (i: number) => `y${i} < ${height}u && x${i} < ${width}u` },
    },
    flops: conv2dFlops(shape),
    bytes: conv2dBytes(shape, { halves }),
    rounds: nestedRounds(...taps.map((extent) => Math.ceil(extent / stride)), steps(outChannels)),
  });
  return { product, sum: null, scratch: 0 };
}

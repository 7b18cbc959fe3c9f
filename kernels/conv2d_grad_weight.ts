/**
 * Gradient of a convolution to its weights.
 *
 * `dw[ky, kx, ci, co] = Σ_{b, y, x} x[b, y s + ky - top, x s + kx - left, ci] dy[b, y, x, co]`, zeros outside,
 * `x` `[B, H, W, Ci]`, `dy` `[B, Ho, Wo, Co]`, `dw` `[kh, kw, Ci, Co]`, all f32, `x` perhaps halves. Rows of the tile are weights of one
 * output channel (taps and input channels), columns are output channels, k runs over the pixels of `dy`.
 * Sums are f32, in the order of the pixels within a chunk; `gemm_sum.ts` adds the chunks, in order.
 *
 * Called by `conv2dGradWeight`.
 * @module
 */

import { conv2dBytes, conv2dFlops, type Conv2dSpec, isPointwise, showConv2d } from "./conv2d_shape.ts";
import { each, gemm, type GemmKernels, indices, loop, multiply, steps } from "./gemm.ts";
import { columnsAlongRow, rowsAcrossK, typeOf } from "./gemm_load.ts";
import { gemmSum } from "./gemm_sum.ts";
import { chunkLoop, chunks, matmul } from "./matmul.ts";
import { nestedRounds } from "./rounds.ts";

/** What the kernels of a weight gradient are written from. */
export interface Conv2dGradWeightSpec extends Conv2dSpec {
  /** Chunks of pixels, all of a multiple of 4 but the last. */
  readonly parts: number;
}

/** Writes the kernels of a convolution's gradient to its weights; the tile's rows are a multiple of 4. */
export function conv2dGradWeight(spec: Conv2dGradWeightSpec): GemmKernels {
  const { shape, tile, epilogue, halvesX = false } = spec;
  const { batch, height, width, inChannels, outHeight, outWidth, outChannels, taps, stride, before } = shape;
  const depth = batch * outHeight * outWidth;
  const rows = taps[0] * taps[1] * inChannels;
  const columns = outChannels;
  if (isPointwise(shape)) {
    return matmul({
      rows,
      columns,
      depth,
      transposeA: true,
      transposeB: false,
      tile,
      parts: spec.parts,
      epilogue,
      halvesA: halvesX,
    });
  }
  const { parts, chunk } = chunks(depth, spec.parts);
  const name = `conv2d_grad_weight ${showConv2d(shape, { halvesX })}`;
  const x = { name: "x", width: inChannels, halves: halvesX };
  const g = { name: "g", width: outChannels };
  /** Rows that are surely of one tap. */
  const together = inChannels % tile.rows === 0 ? tile.rows : inChannels % 4 === 0 ? 4 : 1;
  const heads = indices(tile.rows / together).map((head) => head * together);
  const headOf = (i: number) => i - i % together;
  const step = (count: number) => {
    const left = rowsAcrossK(
      x,
      tile,
      count,
      (i, t) => ({ row: `p${headOf(i)}_${t}`, column: `(m${i} % ${inChannels}u)` }),
      (i, t) => `v${headOf(i)}_${t}`,
    );
    const right = columnsAlongRow(g, tile, count, (t) => `(k + ${t}u)`);
    return [
      each(count, (t) => `let y_${t} = (k + ${t}u) / ${outWidth}u % ${outHeight}u * ${stride}u;`),
      each(count, (t) => `let x_${t} = (k + ${t}u) % ${outWidth}u * ${stride}u;`),
      each(count, (t) => `let z_${t} = (k + ${t}u) / ${outHeight * outWidth}u * ${height}u;`),
      ...heads.map((i) =>
        each(count, (t) =>
          [
            `let y${i}_${t} = y_${t} + dy${i};`,
            `let x${i}_${t} = x_${t} + dx${i};`,
            `let v${i}_${t} = y${i}_${t} < ${height}u && x${i}_${t} < ${width}u;`,
            `let p${i}_${t} = select(0u, (z_${t} + y${i}_${t}) * ${width}u + x${i}_${t}, v${i}_${t});`,
          ].join("\n  "))
      ),
      left.code,
      right.code,
      multiply(tile, count, left.at, (k, j) => right.at(j, k)),
    ].join("\n  ");
  };
  // Coordinates left of or above the image wrap to large numbers, so one comparison finds both sides.
  const product = gemm({
    name,
    rows,
    columns,
    tile,
    parts,
    inputs: [{ name: x.name, type: typeOf(x) }, { name: g.name, type: typeOf(g) }],
    body: [
      ...heads.map((i) => `let dy${i} = m${i} / ${inChannels * taps[1]}u - ${before[0]}u;`),
      ...heads.map((i) => `let dx${i} = m${i} / ${inChannels}u % ${taps[1]}u - ${before[1]}u;`),
      ...parts === 1 ? loop(depth, step) : chunkLoop(depth, chunk, parts, step),
    ],
    store: parts === 1 ? { epilogue, rows } : { epilogue: null, rows, row: (i) => `part * ${rows}u + m${i}` },
    flops: conv2dFlops(shape),
    bytes: conv2dBytes(shape, { halvesX }),
    rounds: nestedRounds(steps(Math.min(chunk, depth))),
  });
  if (parts === 1) return { product, sum: null, scratch: 0 };
  return { product, sum: gemmSum({ name, rows, columns, parts, epilogue }), scratch: parts * rows * columns };
}

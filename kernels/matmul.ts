/**
 * Matrix product of row-major matrices, either of them transposed and either perhaps halves; all else is f32.
 *
 * `out[m, n] = Σ_k a[m, k] b[k, n]`, `out` `[rows, columns]`, `a` `[rows, depth]` or, transposed, `[depth, rows]`,
 * `b` `[depth, columns]` or `[columns, depth]`. Invocations own tiles of `out` as `gemm.ts` says; all loads of a step
 * of four k come first. Sums are f32, in the order of k; with `parts` > 1 each chunk of k is summed by itself and
 * `gemm_sum.ts` adds the chunks, in order.
 *
 * Called by `matmul` and by convolutions of one tap.
 * @module
 */

import type { Epilogue } from "./expression.ts";
import { gemm, type GemmKernels, loop, multiply, steps } from "./gemm.ts";
import {
  columnsAcrossRows,
  columnsAlongRow,
  rowsAcrossK,
  rowsAlongK,
  showHalves,
  typeOf,
} from "./gemm_load.ts";
import { gemmSum } from "./gemm_sum.ts";
import type { Tile } from "./kernel.ts";
import { nestedRounds } from "./rounds.ts";

/** A product to write kernels for. */
export interface MatmulSpec {
  /** Rows of the output. */
  readonly rows: number;
  /** Columns of the output. */
  readonly columns: number;
  /** Products summed for each output. */
  readonly depth: number;
  /** Whether `a` is stored `[depth, rows]`. */
  readonly transposeA: boolean;
  /** Whether `b` is stored `[columns, depth]`. */
  readonly transposeB: boolean;
  /** Whether `b` is packed halves, its rows a multiple of 4 long (default no). */
  readonly halves?: boolean;
  /** The same of `a`. */
  readonly halvesA?: boolean;
  /** What an invocation owns; `rows` a multiple of 4 where `a` is transposed. */
  readonly tile: Tile;
  /** Chunks of the depth, all of a multiple of 4 but the last (default 1). */
  readonly parts?: number;
  /** Elementwise work before storing. */
  readonly epilogue: Epilogue | null;
}

/** Writes the kernels of a product. */
export function matmul(spec: MatmulSpec): GemmKernels {
  const { rows, columns, depth, tile, transposeA, transposeB, epilogue, halves = false, halvesA = false } =
    spec;
  const { parts, chunk } = chunks(depth, spec.parts ?? 1);
  const form = `${transposeA ? "t" : "n"}${transposeB ? "t" : "n"}`;
  const name = `matmul_${form} ${rows}x${columns}x${depth}${showHalves(halvesA, halves)}`;
  const a = { name: "a", width: transposeA ? rows : depth, halves: halvesA };
  const b = { name: "b", width: transposeB ? depth : columns, halves };
  const step = (count: number) => {
    const left = transposeA
      ? rowsAcrossK(a, tile, count, (i, t) => ({ row: `(k + ${t}u)`, column: `m${i}` }))
      : rowsAlongK(a, tile, count, (i) => `m${i}`, "k");
    const right = transposeB
      ? columnsAcrossRows(b, tile, count, columns, "0u", "k")
      : columnsAlongRow(b, tile, count, (t) => `(k + ${t}u)`);
    return [left.code, right.code, multiply(tile, count, left.at, (k, j) => right.at(j, k))].join("\n  ");
  };
  const product = gemm({
    name,
    rows,
    columns,
    tile,
    parts,
    inputs: [{ name: a.name, type: typeOf(a) }, { name: b.name, type: typeOf(b) }],
    body: parts === 1 ? loop(depth, step) : chunkLoop(depth, chunk, parts, step),
    store: parts === 1 ? { epilogue, rows } : { epilogue: null, rows, row: (i) => `part * ${rows}u + m${i}` },
    flops: 2 * rows * columns * depth,
    bytes: (halvesA ? 2 : 4) * rows * depth + (halves ? 2 : 4) * depth * columns + 4 * rows * columns * parts,
    rounds: nestedRounds(steps(Math.min(chunk, depth))),
  });
  if (parts === 1) return { product, sum: null, scratch: 0 };
  return { product, sum: gemmSum({ name, rows, columns, parts, epilogue }), scratch: parts * rows * columns };
}

/** Cuts a depth in at most so many chunks of a multiple of 4. */
export function chunks(depth: number, parts: number): { readonly parts: number; readonly chunk: number } {
  const chunk = Math.ceil(depth / parts / 4) * 4;
  return { parts: Math.ceil(depth / chunk), chunk };
}

/** A loop over the `part`-th chunk of `k`. */
export function chunkLoop(
  depth: number,
  chunk: number,
  parts: number,
  step: (count: number) => string,
): string[] {
  const whole = depth - depth % 4;
  const end = parts * chunk === whole ? `start + ${chunk}u` : `min(start + ${chunk}u, ${whole}u)`;
  return [
    `let start = part * ${chunk}u;`,
    `let end = ${end};`,
    `for (var k = start; k < end; k += 4u) {\n  ${step(4)}\n}`,
    ...whole < depth ? [`if (part == ${parts - 1}u) { let k = ${whole}u;\n  ${step(depth - whole)}\n}`] : [],
  ];
}

/**
 * How the factors of a gemm step get into registers, for either order of either factor; by vec4 wherever it can be.
 *
 * Each function writes the loads of `count` indices from a start, and names what {@linkcode multiply} then reads.
 * @module
 */

import { fourAt } from "./access.ts";
import { type Buffer, each, indices } from "./gemm.ts";
import { column } from "./gemm_store.ts";
import type { Tile } from "./kernel.ts";

/** Loads of one factor in one step. */
export interface Load {
  /** The statements. */
  readonly code: string;
  /** The loaded value of row `i` (factor a) or of the `j`-th four columns (factor b) at the step's `k`-th index. */
  readonly at: (outer: number, k: number) => string;
}

/** A factor in memory: its variable and how many elements follow each other before the next row. */
export interface Matrix {
  /** The buffer's variable. */
  readonly name: string;
  /** Elements from row to row; where it is a multiple of four the buffer is an array of fours. */
  readonly width: number;
  /** Whether the elements are halves, two in a word; only where the width is a multiple of four (default no). */
  readonly halves?: boolean;
}

/** The type of a matrix's elements. */
export function typeOf({ width, halves }: Matrix): Buffer["type"] {
  return halves ? "vec2u" : width % 4 === 0 ? "vec4f" : "f32";
}

/** For a kernel's name: which of its two factors are halves. */
export function showHalves(a: boolean, b: boolean): string {
  return `${a ? " of halves" : ""}${b ? " halves" : ""}`;
}

/** Four elements as floats. */
function four({ name, halves }: Matrix, at: string): string {
  return fourAt(name, at, halves ? "f16" : "f32");
}

/**
 * Rows of a, with k along them.
 *
 * @param row The matrix's row for row `i` of the tile.
 * @param k The first index, a multiple of 4.
 * @param valid A condition without which row `i` counts as zeros.
 */
export function rowsAlongK(
  a: Matrix,
  { rows }: Tile,
  count: number,
  row: (i: number) => string,
  k: string,
  valid?: (i: number) => string,
): Load {
  const { name, width } = a;
  const kept = (value: string, zero: string, i: number) =>
    valid ? `select(${zero}, ${value}, ${valid(i)})` : value;
  if (width % 4 === 0) {
    const value = (i: number) => kept(four(a, `${row(i)} * ${width / 4}u + ${k} / 4u`), "vec4f()", i);
    return { code: each(rows, (i) => `let a${i} = ${value(i)};`), at: (i, k) => `a${i}.${"xyzw"[k]}` };
  }
  const value = (i: number, t: number) => kept(`${name}[${row(i)} * ${width}u + ${k} + ${t}u]`, "0.0", i);
  return {
    code: each(rows, (i) => each(count, (t) => `let a${i}_${t} = ${value(i, t)};`)),
    at: (i, k) => `a${i}_${k}`,
  };
}

/**
 * Columns of a transposed a, with the tile's rows along them.
 *
 * @param place The matrix's row at the step's `t`-th index, and its column for row `i` of the tile.
 * @param valid A condition without which row `i` counts as zero at the `t`-th index.
 */
export function rowsAcrossK(
  a: Matrix,
  { rows }: Tile,
  count: number,
  place: (i: number, t: number) => { readonly row: string; readonly column: string },
  valid?: (i: number, t: number) => string,
): Load {
  const { name, width } = a;
  const kept = (value: string, zero: string, i: number, t: number) =>
    valid ? `select(${zero}, ${value}, ${valid(i, t)})` : value;
  const step = width % 4 === 0 ? 4 : 1;
  const value = (i: number, t: number) => {
    const { row, column } = place(i, t);
    return step === 4
      ? kept(four(a, `${row} * ${width / 4}u + ${column} / 4u`), "vec4f()", i, t)
      : kept(`${name}[${row} * ${width}u + ${column}]`, "0.0", i, t);
  };
  return {
    code: each(count, (t) => each(rows / step, (g) => `let a${g}_${t} = ${value(g * step, t)};`)),
    at: (i, k) => step === 4 ? `a${i >> 2}_${k}.${"xyzw"[i & 3]}` : `a${i}_${k}`,
  };
}

/** Rows of b, with the columns along them; `row` is the matrix's row at the step's `t`-th index. */
export function columnsAlongRow(
  b: Matrix,
  { columns }: Tile,
  count: number,
  row: (t: number) => string,
): Load {
  const { name, width } = b;
  const value = (j: number, t: number) => {
    if (width % 4 === 0) return four(b, `${row(t)} * ${width / 4}u + n${j}`);
    const scalars = indices(4).map((s) => `${name}[${row(t)} * ${width}u + ${column(j, s, width)}]`);
    return `vec4f(${scalars.join(", ")})`;
  };
  return {
    code: each(count, (t) => each(columns / 4, (j) => `let b${t}_${j} = ${value(j, t)};`)),
    at: (j, k) => `b${k}_${j}`,
  };
}

/**
 * Rows of a transposed b, with k along them: four are loaded and turned to give four columns.
 *
 * @param total Columns of the output.
 * @param offset The matrix's row that holds column 0.
 * @param k The first index, a multiple of 4.
 */
export function columnsAcrossRows(
  b: Matrix,
  { columns }: Tile,
  count: number,
  total: number,
  offset: string,
  k: string,
): Load {
  const { name, width } = b;
  const row = (j: number, s: number) => `(${offset} + ${column(j, s, total)})`;
  const wide = width % 4 === 0;
  const load = (j: number, s: number) =>
    wide
      ? `let w${j}_${s} = ${four(b, `${row(j, s)} * ${width / 4}u + ${k} / 4u`)};`
      : each(count, (t) => `let w${j}_${s}_${t} = ${name}[${row(j, s)} * ${width}u + ${k} + ${t}u];`);
  const part = (j: number, s: number, t: number) => wide ? `w${j}_${s}.${"xyzw"[t]}` : `w${j}_${s}_${t}`;
  const turn = (j: number, t: number) =>
    `let b${t}_${j} = vec4f(${indices(4).map((s) => part(j, s, t)).join(", ")});`;
  return {
    code: [
      each(columns / 4, (j) => each(4, (s) => load(j, s))),
      each(columns / 4, (j) => each(count, (t) => turn(j, t))),
    ].join("\n  "),
    at: (j, k) => `b${k}_${j}`,
  };
}

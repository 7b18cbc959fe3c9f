/**
 * Embeddings of images as rows `[N, D]`, and tables of every pair of rows.
 * @module
 */

import { type FloatTensor, showShape } from "../core/tensor.ts";

/** A number for each pair of `N` rows and `M` others, `[N, M]` row by row, in double precision. */
export interface PairTable {
  /** `[N, M]`. */
  readonly shape: readonly [number, number];
  /** `N * M` values. */
  readonly values: Float64Array<ArrayBuffer>;
}

/** A table of two sets of rows, `N` of `x` and `M` of `y`: within each, and across. */
export interface SetTables {
  /** `[N, N]`. */
  readonly x: PairTable;
  /** `[M, M]`. */
  readonly y: PairTable;
  /** `[N, M]`. */
  readonly cross: PairTable;
}

/**
 * The dot products of two sets: cosines where rows have length 1.
 *
 * @param x `[N, D]`.
 * @param y `[M, D]`.
 * @throws {TypeError} If they are no matrices of one width.
 */
export function productsOf(x: FloatTensor, y: FloatTensor): SetTables {
  return { x: dotProducts(x, x), y: dotProducts(y, y), cross: dotProducts(x, y) };
}

/** The squared distances `a·a + b·b - 2 a·b` of two sets by their dot products: 0, not rounded, between copies. */
export function squaredDistances({ x, y, cross }: SetTables): SetTables {
  const [inX, inY] = [diagonal(x), diagonal(y)];
  return { x: distances(x, inX, inX), y: distances(y, inY, inY), cross: distances(cross, inX, inY) };
}

/**
 * The extents `N` and `D` of embeddings.
 *
 * @throws {TypeError} If they are no matrix.
 */
export function matrixShape({ shape }: FloatTensor): readonly [number, number] {
  if (shape.length !== 2) {
    throw new TypeError(`Cannot compare embeddings as their shape is not [N, D]: ${showShape(shape)}`);
  }
  return shape as readonly [number, number];
}

/**
 * The extents `N`, `M` and `D` of embeddings `[N, D]` and `[M, D]`.
 *
 * @throws {TypeError} If they are no matrices of one width.
 */
export function sharedShape(x: FloatTensor, y: FloatTensor): readonly [number, number, number] {
  const [count, width] = matrixShape(x);
  const [otherCount, otherWidth] = matrixShape(y);
  if (width !== otherWidth) {
    throw new TypeError(
      `Cannot compare embeddings as their widths differ: ${showShape(x.shape)} and ${showShape(y.shape)}`,
    );
  }
  return [count, otherCount, width];
}

/** The dot product of row `n` of `x` and row `m` of `y`, both of some width. */
export function dotProduct(x: FloatTensor, n: number, y: FloatTensor, m: number, width: number): number {
  const [a, b] = [x.data, y.data];
  let sum = 0;
  for (let i = n * width, j = m * width, end = i + width; i < end; i++, j++) sum += a[i]! * b[j]!;
  return sum;
}

/**
 * Checks that there is one of something for each embedding.
 *
 * @throws {TypeError} If not.
 */
export function checkCount(what: string, found: number, count: number): void {
  if (found !== count) {
    throw new TypeError(`Cannot compare ${count} embeddings as there is not one each: ${found} ${what}`);
  }
}

function dotProducts(x: FloatTensor, y: FloatTensor): PairTable {
  const [count, others, width] = sharedShape(x, y);
  const values = new Float64Array(count * others);
  for (let n = 0; n < count; n++) {
    for (let m = 0; m < others; m++) values[n * others + m] = dotProduct(x, n, y, m, width);
  }
  return { shape: [count, others], values };
}

function diagonal({ shape: [count], values }: PairTable): readonly number[] {
  return Array.from({ length: count }, (_, n) => values[n * count + n]!);
}

function distances(
  { shape, values }: PairTable,
  rows: readonly number[],
  columns: readonly number[],
): PairTable {
  const count = columns.length;
  const squared = values.map((dot, i) =>
    Math.max(rows[Math.floor(i / count)]! + columns[i % count]! - 2 * dot, 0)
  );
  return { shape, values: squared };
}

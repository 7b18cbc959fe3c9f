/**
 * How far apart two sets of images are as distributions: their maximum mean discrepancy, by two kernels.
 *
 * For a kernel `k` it is `E k(x, x') + E k(y, y') - 2 E k(x, y)`, 0 where both are one distribution.
 * @module
 */

import type { PairTable, SetTables } from "./embeddings.ts";

/**
 * The kernel distance of KID, `k(a, b) = (a·b / D + 1)³`, estimated without bias: an image is not compared with itself,
 * so that the distance of two samples of one distribution is 0 on average, and as often below as above.
 *
 * Where `x[n]` and `y[n]` were drawn from the same noise, `isPaired` leaves their likeness out too, which otherwise
 * passes for likeness of the distributions and makes the estimate negative (the U-statistic of Gretton et al. 2012).
 *
 * See Bińkowski et al. 2018, "Demystifying MMD GANs", https://arxiv.org/abs/1801.01401; there on Inception's features.
 *
 * @param products Dot products of `N` rows and `M` others.
 * @param options `width` is `D`.
 * @throws {TypeError} If images are paired and not as many.
 * @throws {RangeError} If there are fewer than two of either.
 */
export function kid(
  { x, y, cross }: SetTables,
  { width, isPaired }: { readonly width: number; readonly isPaired: boolean },
): number {
  const [count, others] = cross.shape;
  if (Math.min(count, others) < 2) {
    throw new RangeError(`Cannot measure KID as it takes two images of each set: ${count} and ${others}`);
  }
  if (isPaired && count !== others) {
    throw new TypeError(`Cannot pair images as there are not as many: ${count} and ${others}`);
  }
  const kernel = (dot: number) => (dot / width + 1) ** 3;
  return meanOf(x, kernel, true) + meanOf(y, kernel, true) - 2 * meanOf(cross, kernel, isPaired);
}

/**
 * CMMD: `1000` times the discrepancy by `k(a, b) = exp(-|a - b|² / (2 · 10²))`, over all pairs, an image with itself
 * among them. So it is never below 0, 0 for the same images, and compares only between sets as large.
 *
 * See Jayasumana et al. 2024, "Rethinking FID", https://arxiv.org/abs/2401.09603; there on embeddings by CLIP.
 *
 * @param distances Squared distances of rows of length 1.
 */
export function cmmd({ x, y, cross }: SetTables): number {
  const mean = (table: PairTable) =>
    meanOf(table, (squared) => Math.exp(-squared / (2 * BANDWIDTH ** 2)), false);
  return 1000 * (mean(x) + mean(y) - 2 * mean(cross));
}

/** The deviation of CMMD's kernel. */
const BANDWIDTH = 10;

/** The mean of a kernel over all pairs, or over all but the table's diagonal. */
function meanOf(
  { shape, values }: PairTable,
  kernel: (value: number) => number,
  offDiagonal: boolean,
): number {
  const [rows, columns] = shape;
  let sum = 0;
  values.forEach((value, i) => {
    if (!offDiagonal || Math.floor(i / columns) !== i % columns) sum += kernel(value);
  });
  return sum / (offDiagonal ? rows * (rows - 1) : rows * columns);
}

/**
 * How the spread of embeddings is shared out among directions: the eigenvalues of their second moments.
 * @module
 */

import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import type { FloatTensor } from "../core/tensor.ts";
import { matrixShape } from "./embeddings.ts";

/**
 * The largest `min(N, D)` eigenvalues of `XᵀX / N`, or, `isCentred`, of the covariance `(X - μ)ᵀ(X - μ) / (N - 1)`.
 *
 * `XXᵀ` has the same eigenvalues but for zeros, so the smaller of the two matrices is decomposed. What cannot be told
 * from rounding, less than `2⁻⁵² max(N, D)` of the largest, is 0.
 *
 * @param embeddings `[N, D]`.
 * @returns The largest first, all at least 0.
 * @throws {TypeError} If they are no matrix.
 */
export function spectrum(embeddings: FloatTensor, isCentred: boolean): readonly number[] {
  const [count, width] = matrixShape(embeddings);
  if (count === 0 || width === 0) return [];
  const rows = Array.from(
    { length: count },
    (_, n) => [...embeddings.data.slice(n * width, (n + 1) * width)],
  );
  const x = new Matrix(rows);
  if (isCentred) x.center("column");
  const divisor = isCentred ? Math.max(count - 1, 1) : count;
  const moments = count < width ? x.mmul(x.transpose()) : x.transpose().mmul(x);
  const { realEigenvalues } = new EigenvalueDecomposition(moments.div(divisor), { assumeSymmetric: true });
  const found = [...realEigenvalues].sort((a, b) => b - a);
  const least = found[0]! * Number.EPSILON * Math.max(count, width);
  return found.map((value) => value > least ? value : 0);
}

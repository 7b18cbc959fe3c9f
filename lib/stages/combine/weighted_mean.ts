/**
 * The weighted mean of several rewards.
 * @module
 */

/**
 * `Σ_i w_i x_i / Σ_i w_i`, image by image.
 *
 * @param columns `[N]` of each reward by its name, on one scale.
 * @param weights Of the same names, from 0, of a sum above 0.
 * @returns `[N]`.
 */
export function weightedMean(
  columns: Readonly<Record<string, ArrayLike<number>>>,
  weights: Readonly<Record<string, number>>,
): Float64Array<ArrayBuffer> {
  const entries = Object.entries(columns);
  const total = entries.reduce((sum, [name]) => sum + weights[name]!, 0);
  return Float64Array.from(
    entries[0]![1],
    (_, n) => entries.reduce((sum, [name, column]) => sum + weights[name]! * column[n]!, 0) / total,
  );
}

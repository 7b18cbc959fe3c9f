/**
 * The worst of several rewards, so that what only some of them are fooled by does not pay.
 * @module
 */

/**
 * The least of the rewards, image by image, or a soft minimum: `-τ log(mean_i exp(-x_i / τ))`, which goes from the minimum
 * at `τ = 0` to the mean as `τ` grows.
 *
 * See Coste et al. 2024, https://arxiv.org/abs/2310.02743, whose worst-case optimization takes the minimum of an ensemble.
 *
 * @param columns `[N]` of each reward by its name, on one scale.
 * @param softness `τ`, from 0, on that scale.
 * @returns `[N]`.
 */
export function worstCase(
  columns: Readonly<Record<string, ArrayLike<number>>>,
  softness: number,
): Float64Array<ArrayBuffer> {
  const all = Object.values(columns);
  return Float64Array.from(all[0]!, (_, n) => {
    const values = all.map((column) => column[n]!);
    const least = Math.min(...values);
    if (softness === 0) return least;
    const mean = values.reduce((sum, x) => sum + Math.exp((least - x) / softness), 0) / values.length;
    return least - softness * Math.log(mean);
  });
}

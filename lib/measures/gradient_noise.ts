/**
 * How much of a gradient is signal, told from the gradients of the micro-batches that it is the mean of.
 *
 * Micro-batches of independent samples have gradients `g_k = s + n_k`, the same signal and noise of their own. Over `K` of them
 * with the mean `ḡ`, the noise that is left in the mean is `v = (mean |g_k|² - |ḡ|²) / (K - 1)`, without bias, and the signal
 * `|s|²` is `|ḡ|² - v`: the two norms are enough. See McCandlish et al. 2018, "An Empirical Model of Large-Batch Training",
 * https://arxiv.org/abs/1812.06162, appendix A.1.
 * @module
 */

/** The gradient of an optimizer step, before it is clipped. */
export interface StepGradient {
  /** `|ḡ|²` of the mean over micro-batches. */
  readonly squaredNorm: number;
  /** The mean of `|g_k|²` over micro-batches. */
  readonly meanSquaredNorm: number;
  /** `K`, how many micro-batches. */
  readonly microBatches: number;
}

/** What a gradient is made of, as means over optimizer steps. */
export interface GradientNoise {
  /** `v`: the variance of an optimizer step's gradient, summed over its elements. */
  readonly variance: number;
  /** `|s|² / |ḡ|²`, at most 1; below 0 where chance made the noise look larger than the gradient. */
  readonly signal_share: number;
}

/**
 * Tells signal from noise. Numerator and denominator are each summed over the steps, as one step tells little.
 *
 * @returns `null` where no step has two micro-batches, or all gradients are 0.
 */
export function gradientNoise(steps: readonly StepGradient[]): GradientNoise | null {
  const telling = steps.filter(({ microBatches }) => microBatches > 1);
  const norms = telling.reduce((sum, { squaredNorm }) => sum + squaredNorm, 0);
  if (norms === 0) return null;
  const noise = telling.reduce((sum, step) => sum + noiseOf(step), 0);
  return { variance: noise / telling.length, signal_share: 1 - noise / norms };
}

function noiseOf({ squaredNorm, meanSquaredNorm, microBatches }: StepGradient): number {
  return (meanSquaredNorm - squaredNorm) / (microBatches - 1);
}

/**
 * How much of the policy's gradient is signal, in all and at each denoising step.
 * @module
 */

import { type GradientNoise, gradientNoise } from "../measures/gradient_noise.ts";
import type { UpdateLog } from "./records.ts";

/** The noise of the policy's gradient. */
export interface PolicyNoise extends GradientNoise {
  /** The variance at each of the `T` step indices; `null` where no optimizer step was at that one alone. */
  readonly variance_by_step: readonly (number | null)[];
  /** The signal's share in the same way. */
  readonly signal_share_by_step: readonly (number | null)[];
}

/**
 * Tells signal from noise by the gradients of micro-batches, before they are clipped.
 *
 * @param updates The optimizer steps of training; where these add up several steps of each sample, all is told from those apart.
 * @param apart Those of which each is at one denoising step.
 * @param steps `T`.
 * @returns `null` where no optimizer step has several micro-batches of samples of their own.
 */
export function policyNoise(
  updates: readonly UpdateLog[],
  apart: readonly UpdateLog[],
  steps: number,
): PolicyNoise | null {
  const all = noiseOf(updates) ?? noiseOf(apart);
  if (all === null) return null;
  const each = Array.from({ length: steps }, (_, t) => noiseOf(apart.filter((log) => log.step_index === t)));
  return {
    ...all,
    variance_by_step: each.map((noise) => noise && noise.variance),
    signal_share_by_step: each.map((noise) => noise && noise.signal_share),
  };
}

function noiseOf(updates: readonly UpdateLog[]): GradientNoise | null {
  return gradientNoise(
    updates.flatMap(({ grad_norm, squared_grad_norm, micro_batches }) =>
      micro_batches === null || squared_grad_norm === undefined ? [] : {
        squaredNorm: grad_norm.policy ** 2,
        // A micro-batch's share is its gradient by their number.
        meanSquaredNorm: micro_batches ** 2 * squared_grad_norm,
        microBatches: micro_batches,
      }
    ),
  );
}

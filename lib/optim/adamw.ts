/**
 * AdamW on flat vectors: the optimizer's record, the clipping of gradients, and the numbers of each step.
 * @module
 */

import { type F32, type FloatTensor, tensor } from "../core/tensor.ts";
import type { Value } from "../engine/graph.ts";
import { add, div, min, sqrt, square } from "../engine/ops/elementwise.ts";
import { sum } from "../engine/ops/reductions.ts";

/** An optimizer between two steps. */
export interface OptimizerState {
  /** `[N]`, what it optimizes, in the engine's layout. */
  readonly params: F32;
  /** `[N]`, the running mean of gradients. */
  readonly m: F32;
  /** `[N]`, the running mean of squared gradients. */
  readonly v: F32;
  /** Steps taken. */
  readonly step: number;
  /** `[N]`, how many steps were taken before each element began anew; `null` where all count from the first. */
  readonly since: F32 | null;
}

/** The rates of an optimizer. */
export interface AdamWRates {
  /** How far one step goes, about. */
  readonly learningRate: number;
  /** Decoupled weight decay, times the learning rate. */
  readonly weightDecay: number;
  /** Decay of the running mean of gradients, in [0, 1). */
  readonly beta1: number;
  /** Decay of the running mean of squared gradients, in [0, 1). */
  readonly beta2: number;
  /** Added to the denominator. */
  readonly eps: number;
}

/**
 * The optimizer before its first step.
 *
 * @param countsEach Whether elements count their own steps, so that some can begin anew.
 */
export function newOptimizer(params: F32, countsEach = false): OptimizerState {
  const zeros = () => new Float32Array(params.length);
  return { params, m: zeros(), v: zeros(), step: 0, since: countsEach ? zeros() : null };
}

/**
 * What the op `adamw` reads at a step.
 *
 * @param step Counted from 1.
 * @returns `[4]`: learning rate, weight decay, `1 - beta1^step`, `1 - beta2^step`.
 */
export function adamwHyper(
  { learningRate, weightDecay, beta1, beta2 }: AdamWRates,
  step: number,
): FloatTensor {
  return tensor([4], [learningRate, weightDecay, 1 - beta1 ** step, 1 - beta2 ** step]);
}

/** The Euclidean norm of all elements, `[]`. */
export function globalNorm(x: Value): Value {
  return sqrt(sum(square(x)));
}

/** What to multiply a gradient by so that its norm is at most `maxNorm`: `min(1, maxNorm / (norm + 1e-6))`. */
export function clipScale(norm: Value, maxNorm: number): Value {
  return min(div(maxNorm, add(norm, 1e-6)), 1);
}

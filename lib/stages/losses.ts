/**
 * The two losses of an update: the policy's, which may not run from the policy that sampled, and the critic's, which may not
 * run from what it predicted then.
 * @module
 */

import { constant, type Value } from "../engine/graph.ts";
import { add, clamp, exp, greater, max, min, mul, neg, square, sub } from "../engine/ops/elementwise.ts";
import { mean } from "../engine/ops/reductions.ts";

/** The policy's loss and what is logged with it. */
export interface PolicyLoss {
  /** `[]`, to be minimised. */
  readonly loss: Value;
  /** `[B]`, how much more probable the policy makes what was sampled. */
  readonly ratio: Value;
  /** `[]`, an estimate of the divergence from the policy that sampled: `mean(ratio - 1 - log ratio)`. */
  readonly approxKl: Value;
  /** `[]`, the fraction of samples where the clip decides. */
  readonly clipFraction: Value;
}

/** The critic's loss and what is logged with it. */
export interface CriticLoss {
  /** `[]`, to be minimised. */
  readonly loss: Value;
  /** `[]`, the fraction of samples where the clip decides. */
  readonly clipFraction: Value;
}

/**
 * Proximal policy optimisation: `mean max(-A ratio, -A clip(ratio, 1 - c, 1 + c))`, `ratio = exp(log p - log p_old)`.
 *
 * See Schulman et al. 2017, https://arxiv.org/abs/1707.06347.
 *
 * @param logProb `[B]`, under the policy.
 * @param oldLogProb `[B]`, when it was sampled.
 * @param advantage `[B]`.
 * @param clipRange How far the ratio may move from 1.
 */
export function policyLoss(
  logProb: Value,
  oldLogProb: Value,
  advantage: Value,
  clipRange: number,
): PolicyLoss {
  const logRatio = sub(logProb, oldLogProb);
  const ratio = exp(logRatio);
  const free = neg(mul(advantage, ratio));
  const held = neg(mul(advantage, clamp(ratio, 1 - clipRange, 1 + clipRange)));
  return {
    loss: mean(max(free, held)),
    ratio,
    approxKl: mean(sub(sub(ratio, 1), logRatio)),
    clipFraction: mean(greater(held, free)),
  };
}

/**
 * Clipped regression: `0.5 mean max((R - G)², (clip(R, R_old - c, R_old + c) - G)²)`.
 *
 * @param residual `[B]`, what the critic predicts.
 * @param oldResidual `[B]`, what it predicted when sampling.
 * @param returns `[B]`, what it should predict.
 * @param clipRange How far it may move; 0: any distance.
 */
export function criticLoss(
  residual: Value,
  oldResidual: Value,
  returns: Value,
  clipRange: number,
): CriticLoss {
  const free = square(sub(residual, returns));
  if (clipRange === 0) return { loss: mul(mean(free), 0.5), clipFraction: constant(0) };
  const kept = min(max(residual, sub(oldResidual, clipRange)), add(oldResidual, clipRange));
  const held = square(sub(kept, returns));
  return { loss: mul(mean(max(free, held)), 0.5), clipFraction: mean(greater(held, free)) };
}

/**
 * The losses of an update: the policy's, which may not run from the policy that sampled, nor from the base model; the
 * critic's, which may not run from what it predicted then; and that of a reward which is differentiated.
 * @module
 */

import { ddimKl } from "../diffusion/ddim.ts";
import { constant, type Value } from "../engine/graph.ts";
import {
  abs,
  add,
  clamp,
  exp,
  greater,
  max,
  min,
  mul,
  neg,
  relu,
  square,
  sub,
} from "../engine/ops/elementwise.ts";
import { mean } from "../engine/ops/reductions.ts";

/**
 * What makes a step that was sampled more probable, with `r = exp(log p - log p_old)` and its weight `A`:
 *
 * - `clipped`, `mean max(-A r, -A clip(r, 1 - c, 1 + c))`: Schulman et al. 2017, https://arxiv.org/abs/1707.06347;
 * - `clamped`, `mean -A clip(r, 1 - c, 1 + c)`, whose gradient is 0 beyond the clip in either direction: what DPOK's code does;
 * - `score_function`, `mean -A log p`: Williams 1992, right for the policy that sampled and for no other.
 */
export type PolicyLossForm = "clipped" | "clamped" | "score_function";

/**
 * How far a step is from the base model's: `exact`, its Kullback-Leibler divergence as mean over elements, or `eps_mse`, the
 * mean square difference of what the two predict, which weighs steps otherwise: what DPOK's code does.
 */
export type KlForm = "exact" | "eps_mse";

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

/** What scores `r` cost: `coefficient` times the mean over images of this. */
export interface RewardLoss {
  /** `-r`, the distance `|target - r|`, or what is missing to the target, `max(0, target - r)`. */
  readonly kind: RewardLossKind;
  /** A score on the reward's own scale; `reward` does without. */
  readonly target: number;
  /** What the mean is multiplied by. */
  readonly coefficient: number;
}

/** See {@linkcode RewardLoss}. */
export type RewardLossKind = "reward" | "distance" | "shortfall";

/**
 * The loss of policy gradients, in one of the forms of {@linkcode PolicyLossForm}.
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
  form: PolicyLossForm = "clipped",
): PolicyLoss {
  const logRatio = sub(logProb, oldLogProb);
  const ratio = exp(logRatio);
  const free = neg(mul(advantage, ratio));
  const kept = clamp(ratio, 1 - clipRange, 1 + clipRange);
  const held = neg(mul(advantage, kept));
  const outside = greater(square(sub(ratio, kept)), 0);
  const forms = {
    clipped: () => ({ loss: mean(max(free, held)), clipFraction: mean(greater(held, free)) }),
    clamped: () => ({ loss: mean(held), clipFraction: mean(outside) }),
    score_function: () => ({ loss: mean(neg(mul(advantage, logProb))), clipFraction: constant(0) }),
  };
  return { ...forms[form](), ratio, approxKl: mean(sub(sub(ratio, 1), logRatio)) };
}

/**
 * The divergence from the base model as a loss, in one of the forms of {@linkcode KlForm}.
 *
 * @param eps `[B, …]`, what the policy predicts.
 * @param baseEps `[B, …]`, what the base model predicts.
 * @param coefs `[B, 5]`, of `ddimCoefs`.
 * @returns `[]`, to be minimised.
 */
export function klLoss(eps: Value, baseEps: Value, coefs: Value, form: KlForm): Value {
  return mean(form === "exact" ? ddimKl(eps, baseEps, coefs) : square(sub(eps, baseEps)));
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

/** What scores `[B]` cost, `[]`. */
export function rewardLoss(scores: Value, { kind, target, coefficient }: RewardLoss): Value {
  const costs: Record<RewardLossKind, () => Value> = {
    reward: () => neg(scores),
    distance: () => abs(sub(target, scores)),
    shortfall: () => relu(sub(target, scores)),
  };
  return mul(mean(costs[kind]()), coefficient);
}

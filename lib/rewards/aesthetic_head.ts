/**
 * A small network that turns an image's embedding into one score: what the aesthetic reward adds to an image tower.
 * @module
 */

import { type Moments, moments } from "../core/moments.ts";
import { type F32, type ParamTree, tensor } from "../core/tensor.ts";
import type { Value } from "../engine/graph.ts";
import { silu } from "../engine/ops/elementwise.ts";
import { reshape } from "../engine/ops/views.ts";
import { linear } from "../nn/linear.ts";
import type { Scope } from "../nn/scope.ts";
import { bradleyTerryLoss } from "./preference_loss.ts";

/** Where the head's parameters are. */
const PLACE = "aesthetic_head";

/** The width of the hidden layer. */
const HIDDEN = 64;

/**
 * Scores embeddings: a linear layer to 64, SiLU, a linear layer to 1.
 *
 * @param scope Above `aesthetic_head`.
 * @param embeddings `[N, D]`, of length 1.
 * @returns `[N]`.
 */
export function aestheticHead(scope: Scope, embeddings: Value): Value {
  const head = scope.at(PLACE);
  const hidden = silu(linear(head.at("0"), embeddings, HIDDEN));
  return reshape(linear(head.at("1"), hidden, 1), [-1]);
}

/**
 * The loss of the head on pairs.
 *
 * @param winners `[N, D]`: embeddings of what was preferred.
 * @param losers `[N, D]`: embeddings of what it was preferred to.
 * @returns `[]`.
 */
export function aestheticLoss(scope: Scope, winners: Value, losers: Value): Value {
  return bradleyTerryLoss(aestheticHead(scope, winners), aestheticHead(scope, losers));
}

/**
 * Moves and stretches a trained head's scores, whose offset and unit pairs leave open, to a given mean and deviation.
 *
 * @param weights The head's parameters, among any others.
 * @param scores `[M]`: what it gives images of the base model.
 * @param target What it shall give them instead; by default 5 and 1, for a scale from 1 to 10.
 * @returns The weights with another last layer.
 * @throws {RangeError} If all scores are the same.
 */
export function calibrateHead(
  weights: ParamTree,
  scores: F32,
  target: Moments = { mean: 5, std: 1 },
): ParamTree {
  const { mean, std } = moments(scores);
  if (!(std > 0)) {
    throw new RangeError(`Cannot calibrate the head as its scores do not differ: all are ${mean}`);
  }
  const [weight, bias] = [weights[`${PLACE}.1.weight`], weights[`${PLACE}.1.bias`]];
  if (weight === undefined || bias === undefined) {
    throw new TypeError(`Cannot calibrate the head as the weights have no ${PLACE}.1`);
  }
  const factor = target.std / std;
  return {
    ...weights,
    [`${PLACE}.1.weight`]: tensor(weight.shape, weight.data.map((w) => w * factor)),
    [`${PLACE}.1.bias`]: tensor(bias.shape, bias.data.map((b) => (b - mean) * factor + target.mean)),
  };
}

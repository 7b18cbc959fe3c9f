/**
 * Losses that teach a score to agree with preferences.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { abs, add, exp, log, mul, neg, relu, sub } from "../engine/ops/elementwise.ts";
import { mean, sum } from "../engine/ops/reductions.ts";
import { slice } from "../engine/ops/views.ts";
import { logSoftmax } from "../nn/softmax.ts";

/**
 * The loss of Bradley and Terry's model, in which a winner beats a loser with probability `σ(winner - loser)`:
 * `mean -log σ(winners - losers)`.
 *
 * @param winners `[N]`: scores of what was preferred.
 * @param losers `[N]`: scores of what it was preferred to.
 * @returns `[]`, above 0; `log 2` where all scores are equal.
 */
export function bradleyTerryLoss(winners: Value, losers: Value): Value {
  return mean(softplus(sub(losers, winners)));
}

/**
 * The negative log-likelihood of rankings in Plackett and Luce's model, which draws the best by `softmax(scores)`, then
 * the next best of what is left, and so on. Rankings of two are Bradley and Terry's pairs.
 *
 * @param scores `[N, K]`, from the image ranked best to the one ranked worst.
 * @returns `[]`: the mean over rankings, above 0; `log K!` where all scores are equal.
 */
export function rankingLoss(scores: Value): Value {
  const [rankings, places] = scores.shape as readonly [number, number];
  const logProbs = Array.from(
    { length: places - 1 },
    (_, place) => slice(logSoftmax(slice(scores, 1, place, places)), 1, 0, 1),
  );
  return mul(sum(logProbs.reduce((total, each) => add(total, each))), -1 / rankings);
}

/** `log(1 + e^x)`, without overflow. */
function softplus(x: Value): Value {
  return add(relu(x), log(add(1, exp(neg(abs(x))))));
}

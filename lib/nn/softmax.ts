/**
 * Softmax and its logarithm, over the last axis.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { div, exp, log, sub } from "../engine/ops/elementwise.ts";
import { maximum, sum } from "../engine/ops/reductions.ts";
import { stopGradient } from "../engine/ops/views.ts";

/** `exp(x) / Σ exp(x)`, computed from the distance to the largest element. */
export function softmax(x: Value): Value {
  const weights = exp(belowMaximum(x));
  return div(weights, sum(weights, [-1], { keep: true }));
}

/** The logarithm of {@linkcode softmax}, exact where the softmax itself would be 0. */
export function logSoftmax(x: Value): Value {
  const shifted = belowMaximum(x);
  return sub(shifted, log(sum(exp(shifted), [-1], { keep: true })));
}

function belowMaximum(x: Value): Value {
  return sub(x, stopGradient(maximum(x, [-1], { keep: true })));
}

/**
 * The head of the published aesthetic predictor and of ImageReward: five linear layers with nothing between them.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { reshape } from "../engine/ops/views.ts";
import { linear } from "../nn/linear.ts";
import type { Scope } from "../nn/scope.ts";

/** The widths of the published heads' layers. */
export const HEAD_WIDTHS: readonly number[] = [1024, 128, 64, 16, 1];

/** The layers' numbers in the checkpoints, which also count dropouts. */
const NUMBERS = [0, 2, 4, 6, 7] as const;

/**
 * Scores embeddings.
 *
 * @param scope Above `layers.0`, `layers.2`, `layers.4`, `layers.6` and `layers.7`.
 * @param embeddings `[N, D]`.
 * @param widths Of the five layers, the last 1.
 * @returns `[N]`.
 */
export function linearHead(scope: Scope, embeddings: Value, widths: readonly number[] = HEAD_WIDTHS): Value {
  const scores = NUMBERS.reduce(
    (x, number, i) => linear(scope.at(`layers.${number}`), x, widths[i]!),
    embeddings,
  );
  return reshape(scores, [-1]);
}

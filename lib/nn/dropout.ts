/**
 * Dropout (Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html).
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { greater, where } from "../engine/ops/elementwise.ts";
import { randomUniform } from "../engine/ops/random.ts";
import { slice } from "../engine/ops/views.ts";

/** A layer that drops some of its elements. */
export interface DroppingLayer {
  /** Elements of a row. */
  readonly width: number;
  /** The part of them that becomes 0, in [0, 1). */
  readonly rate: number;
}

/**
 * What to multiply each layer's rows by: 0 where an element is dropped, `1 / (1 - rate)` elsewhere.
 *
 * All masks are cut from one draw, so that one key serves a whole model.
 *
 * @param key u32 `[2]`.
 * @param batch Rows.
 * @returns A mask `[batch, width]` for each layer; `null` where the rate is 0.
 */
export function dropoutMasks(key: Value, batch: number, layers: readonly DroppingLayer[]): (Value | null)[] {
  const total = layers.reduce((sum, { width, rate }) => rate > 0 ? sum + width : sum, 0);
  if (total === 0) return layers.map(() => null);
  const draws = randomUniform(key, [batch, total]);
  let start = 0;
  return layers.map(({ width, rate }) => {
    if (rate === 0) return null;
    const own = slice(draws, 1, start, start += width);
    return where(greater(rate, own), 0, 1 / (1 - rate));
  });
}

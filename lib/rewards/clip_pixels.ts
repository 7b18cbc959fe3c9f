/**
 * Images as CLIP's processor gives them to a tower.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { add, floor, mul } from "../engine/ops/elementwise.ts";

/** Interim. */
export function clipPixels(images: Value, _side: number): Value {
  return mul(floor(add(mul(images, 255), 0.5)), 1 / 255);
}

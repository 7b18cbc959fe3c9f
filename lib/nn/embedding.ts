/**
 * Tables of vectors, looked up by id.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { gather } from "../engine/ops/gather.ts";
import type { Init, Scope } from "./scope.ts";

/**
 * The rows of a table.
 *
 * @param scope The layer's own place, with `weight` `[entries, width]`.
 * @param ids u32 `[...]`, each below `entries`.
 * @param init How the table starts.
 * @returns `[..., width]`.
 */
export function embedding(
  scope: Scope,
  ids: Value,
  [entries, width]: readonly [number, number],
  init: Init,
): Value {
  return gather(scope.factor("weight", [entries, width], init), ids);
}

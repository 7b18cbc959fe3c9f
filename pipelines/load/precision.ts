/**
 * In what precision a model's frozen parts lie in memory.
 *
 * @module
 */

import type { ModelSource } from "./model_source.ts";
import type { WeightStorage } from "./weights.ts";

/**
 * In what precision frozen weights lie in memory: as the files hold them, all as f32, or all rounded to f16. What is trained, its
 * gradients and optimizer, latents and log-probabilities are f32 whatever is chosen.
 */
export type Precision = "stored" | "f32" | "f16_weights";

/** Every {@linkcode Precision}. */
export const precisions: readonly Precision[] = ["stored", "f32", "f16_weights"];

/** How weights are kept in each. */
const STORAGE: Readonly<Record<Precision, WeightStorage>> = {
  stored: "stored",
  f32: "f32",
  f16_weights: "f16",
};

/** A source whose weights are brought over in a precision. */
export function sourceIn(precision: Precision, source: ModelSource): ModelSource {
  return {
    ...source,
    load: (runtime, path, specs, options) =>
      source.load(runtime, path, specs, { ...options, storage: STORAGE[precision] }),
  };
}

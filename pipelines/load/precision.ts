/**
 * In what precision a model's frozen parts lie in memory.
 *
 * @module
 */

import { UsageError } from "../usage_error.ts";
import type { ModelSource } from "./model_source.ts";
import type { WeightStorage } from "./weights.ts";

/**
 * In what precision frozen models lie in memory: weights as the files hold them, all f32, or all rounded to f16, and then what is
 * kept between layers as well. It is computed in f32 whatever is chosen, and what is trained, its gradients and optimizer, latents,
 * predicted noise and log-probabilities are f32.
 */
export type Precision = "stored" | "f32" | "f16_weights" | "f16";

/** Every {@linkcode Precision}. */
export const precisions: readonly Precision[] = ["stored", "f32", "f16_weights", "f16"];

/**
 * Reads what was typed for `--precision`.
 *
 * @param otherwise What holds where nothing was typed.
 * @throws {UsageError} If it is none.
 */
export function precisionOption(text: string | undefined, otherwise: Precision): Precision {
  if (text === undefined) return otherwise;
  const found = precisions.find((precision) => precision === text);
  if (found !== undefined) return found;
  throw new UsageError(`Cannot use --precision as it takes ${precisions.join(", ")}: ${text}`);
}

/** How weights are kept in each. */
const STORAGE: Readonly<Record<Precision, WeightStorage>> = {
  stored: "stored",
  f32: "f32",
  f16_weights: "f16",
  f16: "f16",
};

/** A source whose weights are brought over in a precision. */
export function sourceIn(precision: Precision, source: ModelSource): ModelSource {
  return {
    ...source,
    load: (runtime, path, specs, options) =>
      source.load(runtime, path, specs, { ...options, storage: STORAGE[precision] }),
  };
}

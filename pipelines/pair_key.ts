/**
 * The random key of an image that is asked for by prompt and seed.
 *
 * @module
 */

import { fold, type Key, key } from "../lib/core/random.ts";

/**
 * Where an image's noise comes from: from its prompt and seed alone, so that the same pair is the same image in a run's grid, in
 * its evaluation and in `attune generate`, and images of different prompts are independent of each other.
 */
export function pairKey(prompt: string, seed: number): Key {
  return fold(key(seed), prompt);
}

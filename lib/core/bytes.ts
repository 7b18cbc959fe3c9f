/**
 * Colours as bytes.
 * @module
 */

import type { F32 } from "./tensor.ts";

/** Rounds values of `[0, 1]` times 255, taken in f32, to bytes, half to even; what lies outside is clamped. */
export function floatsToBytes(values: F32): Uint8Array<ArrayBuffer> {
  // A clamped array rounds half to even and clamps by definition.
  return new Uint8Array(Uint8ClampedArray.from(values, (value) => Math.fround(value * 255)).buffer);
}

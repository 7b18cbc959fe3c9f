/**
 * Second factors of products, and tables: what is read as it lies in memory, floats or halves.
 * @module
 */

import type { TensorType } from "../../core/tensor.ts";

/** Whether a product can read a tensor as it lies: floats, or halves in rows of fours. */
export function isFactor({ shape, dtype }: TensorType): boolean {
  return dtype === "f32" || dtype === "f16" && canBeHalves(shape);
}

/** Whether a factor of this shape may be halves. */
export function canBeHalves(shape: TensorType["shape"]): boolean {
  return shape.at(-1)! % 4 === 0;
}

/** For lowerings: an input may be halves if it lies in rows of fours. */
export function isInFours(index: number, inputs: readonly TensorType[]): boolean {
  return canBeHalves(inputs[index]!.shape);
}

/** What {@linkcode isFactor} allows beside floats, for messages. */
export const HALVES = "halves in rows of a multiple of 4";

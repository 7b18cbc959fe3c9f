/**
 * Host tensors of samples by steps: stacked, and picked from.
 * @module
 */

import { pickRows } from "../core/rows.ts";
import { type FloatTensor, size, type Tensor, tensor, words, type WordTensor } from "../core/tensor.ts";

/** An element's place in a tensor `[N, M, …]`: its first two indices. */
export type Place = readonly [number, number];

/** Picks what lies at the given places of a tensor `[N, M, …]`: `[places, …]`. */
export function pickPlaces(x: FloatTensor, places: readonly Place[]): FloatTensor {
  const [rows, columns, ...inner] = x.shape as readonly [number, number, ...number[]];
  const flat = tensor([rows * columns, ...inner], x.data);
  return pickRows(flat, places.map(([n, m]) => n * columns + m));
}

/** Stacks `T` tensors `[B, …]` as `[B, T, …]`. */
export function stackSteps(steps: readonly FloatTensor[]): FloatTensor {
  const [rows, ...inner] = steps[0]!.shape as readonly [number, ...number[]];
  const width = size(inner);
  const out = new Float32Array(rows * steps.length * width);
  steps.forEach(({ data }, t) => {
    for (let row = 0; row < rows; row++) {
      const part = data.slice(row * width, (row + 1) * width);
      out.set(part as Float32Array<ArrayBuffer>, (row * steps.length + t) * width);
    }
  });
  return tensor([rows, steps.length, ...inner], out);
}

/** The tensor as one of floats. */
export function floats(x: Tensor | undefined): FloatTensor {
  if (x?.dtype !== "f32") throw new TypeError(`Cannot read floats as the tensor's type is ${x?.dtype}`);
  return x;
}

/** A random key as the graphs take it, u32 `[2]`. */
export function keyTensor(key: readonly [number, number]): WordTensor {
  return words([2], key);
}

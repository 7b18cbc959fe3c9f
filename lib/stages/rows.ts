/**
 * Rows of host tensors: picked, stacked and cut.
 * @module
 */

import {
  type FloatTensor,
  type Shape,
  size,
  type Tensor,
  tensor,
  words,
  type WordTensor,
} from "../core/tensor.ts";

/** An element's place in a tensor `[N, M, …]`: its first two indices. */
export type Place = readonly [number, number];

/** Picks rows of a tensor `[N, …]`, in the order and as often as they are named. */
export function pickRows(x: FloatTensor, rows: readonly number[]): FloatTensor {
  return tensor([rows.length, ...x.shape.slice(1)], gathered(x, x.shape.slice(1), rows));
}

/** Picks what lies at the given places of a tensor `[N, M, …]`: `[places, …]`. */
export function pickPlaces(x: FloatTensor, places: readonly Place[]): FloatTensor {
  const inner = x.shape.slice(2);
  return tensor([places.length, ...inner], gathered(x, inner, places.map(([n, m]) => n * x.shape[1]! + m)));
}

/** Joins tensors `[B, …]` of one row shape behind one another. */
export function joinRows(parts: readonly FloatTensor[]): FloatTensor {
  const rows = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const out = new Float32Array(parts.reduce((sum, { data }) => sum + data.length, 0));
  let position = 0;
  for (const { data } of parts) {
    out.set(data as Float32Array<ArrayBuffer>, position);
    position += data.length;
  }
  return tensor([rows, ...parts[0]!.shape.slice(1)], out);
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

function gathered(x: FloatTensor, inner: Shape, rows: readonly number[]): Float32Array<ArrayBuffer> {
  const width = size(inner);
  const out = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    const part = x.data.slice(row * width, (row + 1) * width);
    out.set(part as Float32Array<ArrayBuffer>, i * width);
  });
  return out;
}

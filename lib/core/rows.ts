/**
 * Rows of host tensors: picked and joined.
 * @module
 */

import { type FloatTensor, size, tensor } from "./tensor.ts";

/** Picks rows of a tensor `[N, …]`, in the order and as often as they are named. */
export function pickRows(x: FloatTensor, rows: readonly number[]): FloatTensor {
  const inner = x.shape.slice(1);
  const width = size(inner);
  const out = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    const part = x.data.slice(row * width, (row + 1) * width);
    out.set(part as Float32Array<ArrayBuffer>, i * width);
  });
  return tensor([rows.length, ...inner], out);
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

/**
 * Work on rows that know nothing of each other, in parts: where all rows together would make too large a binding. The bits are
 * those of one part.
 * @module
 */

import { size } from "../core/tensor.ts";
import type { Value } from "../engine/graph.ts";
import { concat } from "../engine/ops/concat.ts";
import { reshape, slice } from "../engine/ops/views.ts";

/** Rows that a part is made of at the least, and a multiple of: so many floats from any width begin where a binding may. */
const STEP = 64;

/**
 * Applies a function that works row by row, in as few parts as keep what it makes in bounds.
 *
 * @param x `[..., D]`.
 * @param rowBytes Bytes of the largest tensor in the function, for a row.
 * @param mostBytes Bytes that it should not exceed; a part of 64 rows is the least.
 * @param fn From `[..., D]` to `[..., E]`.
 * @returns `[..., E]`.
 */
export function rowParts(x: Value, rowBytes: number, mostBytes: number, fn: (x: Value) => Value): Value {
  const width = x.shape.at(-1)!;
  const rows = size(x.shape) / width;
  if (rows * rowBytes <= mostBytes) return fn(x);
  const each = Math.max(STEP, STEP * Math.floor(mostBytes / rowBytes / STEP));
  const flat = reshape(x, [rows, width]);
  const parts = Array.from(
    { length: Math.ceil(rows / each) },
    (_, i) => fn(slice(flat, 0, i * each, Math.min(rows, (i + 1) * each))),
  );
  const whole = concat(parts, 0);
  return reshape(whole, [...x.shape.slice(0, -1), whole.shape.at(-1)!]);
}

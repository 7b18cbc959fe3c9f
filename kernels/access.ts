/**
 * How fused kernels read an operand through its layout: as `vec4f` where memory allows, else element by element.
 * @module
 */

import type { DType } from "../lib/core/tensor.ts";
import { address, type Layout } from "./expression.ts";

/** An operand's element type in the shader, and the expression that reads it. */
export interface Reader {
  /** Type of the buffer's elements. */
  readonly type: DType | VectorType;
  /** Reads at an index along each axis; in vector kernels the last index counts groups of four. */
  readonly at: (indices: readonly string[]) => string;
}

/** Four elements in a shader. */
export type VectorType = "vec4f" | "vec4u";

/** Four elements of a type. */
export function vectorOf(scalar: DType): VectorType {
  return scalar === "f32" ? "vec4f" : "vec4u";
}

/** Reads one element. */
export function scalarReader(name: string, layout: Layout, scalar: DType = "f32"): Reader {
  return { type: scalar, at: (indices) => `${name}[${address(layout, indices)}]` };
}

/** Reads four neighbours along the last axis. */
export function vectorReader(name: string, layout: Layout, scalar: DType = "f32"): Reader {
  const last = layout.strides.at(-1) ?? 0;
  const others = layout.strides.slice(0, -1);
  const vector = vectorOf(scalar);
  if (last === 0) {
    return { type: scalar, at: (indices) => `${vector}(${name}[${address(layout, indices)}])` };
  }
  if (last === 1 && [layout.offset, ...others].every((step) => step % 4 === 0)) {
    const quads = { offset: layout.offset / 4, strides: [...others.map((stride) => stride / 4), 1] };
    return { type: vector, at: (indices) => `${name}[${address(quads, indices)}]` };
  }
  const first = { offset: layout.offset, strides: [...others, 4 * last] };
  return {
    type: scalar,
    at: (indices) => {
      const base = address(first, indices);
      return `${vector}(${[0, 1, 2, 3].map((i) => `${name}[${base} + ${i * last}u]`).join(", ")})`;
    },
  };
}

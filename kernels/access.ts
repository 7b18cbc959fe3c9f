/**
 * How fused kernels read an operand through its layout: as `vec4f` where memory allows, else element by element.
 * @module
 */

import type { DType } from "../lib/core/tensor.ts";
import { address, type Layout } from "./expression.ts";

/** An operand's element type in the shader, and the expression that reads it. */
export interface Reader {
  /** Type of the buffer's elements. */
  readonly type: "f32" | "u32" | VectorType | "vec2u";
  /** Reads at an index along each axis; in vector kernels the last index counts groups of four. */
  readonly at: (indices: readonly string[]) => string;
}

/** Four elements in a shader. */
export type VectorType = "vec4f" | "vec4u";

/** Four elements of a type, as they are computed with. */
export function vectorOf(scalar: DType): VectorType {
  return scalar === "u32" ? "vec4u" : "vec4f";
}

/** What four neighbours are in memory. */
export function storedVector(scalar: DType): VectorType | "vec2u" {
  return scalar === "f16" ? "vec2u" : vectorOf(scalar);
}

/** What single elements are read from: halves lie in words, two in each. */
export function storedScalar(scalar: DType): "f32" | "u32" {
  return scalar === "f32" ? "f32" : "u32";
}

/** Reads one element by its position. */
export function elementAt(name: string, position: string, scalar: DType): string {
  return scalar === "f16"
    ? `unpack2x16float(${name}[(${position}) / 2u])[(${position}) % 2u]`
    : `${name}[${position}]`;
}

/** Reads the four elements at a position that counts fours. */
export function fourAt(name: string, position: string, scalar: DType): string {
  return scalar === "f16" ? `widened(${name}[${position}])` : `${name}[${position}]`;
}

/** Reads one element. */
export function scalarReader(name: string, layout: Layout, scalar: DType = "f32"): Reader {
  return {
    type: storedScalar(scalar),
    at: (indices) => elementAt(name, address(layout, indices), scalar),
  };
}

/** Reads four neighbours along the last axis. */
export function vectorReader(name: string, layout: Layout, scalar: DType = "f32"): Reader {
  const last = layout.strides.at(-1) ?? 0;
  const others = layout.strides.slice(0, -1);
  const [type, vector] = [storedScalar(scalar), vectorOf(scalar)];
  if (last === 0) {
    return { type, at: (indices) => `${vector}(${elementAt(name, address(layout, indices), scalar)})` };
  }
  if (last === 1 && [layout.offset, ...others].every((step) => step % 4 === 0)) {
    const quads = { offset: layout.offset / 4, strides: [...others.map((stride) => stride / 4), 1] };
    return { type: storedVector(scalar), at: (indices) => fourAt(name, address(quads, indices), scalar) };
  }
  const first = { offset: layout.offset, strides: [...others, 4 * last] };
  return {
    type,
    at: (indices) => {
      const base = address(first, indices);
      const elements = [0, 1, 2, 3].map((i) => elementAt(name, `${base} + ${i * last}u`, scalar));
      return `${vector}(${elements.join(", ")})`;
    },
  };
}

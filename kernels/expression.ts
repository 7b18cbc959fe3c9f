/**
 * Elementwise expressions: what fusion collects and kernels write out where they load or store.
 * @module
 */

import { bytesOf, type DType, type Shape } from "../lib/core/tensor.ts";
import { type FunctionName, functions } from "./functions.ts";
import { literal } from "./kernel.ts";

/** Where the elements of an operand lie, over the axes of the shape it is read in; in elements. */
export interface Layout {
  /** Position of the first element. */
  readonly offset: number;
  /** Distance between neighbours along each axis; 0 where the operand is the same for all. */
  readonly strides: readonly number[];
}

/** One step of an expression. Arguments number the operands first, then the earlier instructions. */
export type Instruction =
  | { readonly fn: FunctionName; readonly args: readonly number[] }
  | { readonly fn: "constant"; readonly value: number };

/** An elementwise expression over a shape; its value is that of its last instruction (or of its only operand). */
export interface Expression {
  /** The shape of the result. */
  readonly shape: Shape;
  /** How each operand is read. */
  readonly operands: readonly Layout[];
  /** The computation. */
  readonly code: readonly Instruction[];
}

/** Elementwise work that a gemm does on its result before it stores it. */
export interface Epilogue {
  /** Operand 0 is the accumulated result itself; the others are the epilogue's own buffers. */
  readonly expression: Expression;
  /** Element types of the buffers; default floats. */
  readonly reads?: readonly DType[];
  /** Element type of what is stored; halves only in rows of a multiple of 4. Default floats. */
  readonly output?: DType;
}

/**
 * Writes an expression as statements that end in a value.
 *
 * @param operands A WGSL expression for each operand.
 * @param T `f32` or `vec4f`.
 * @param prefix Starts the names of the temporaries, so that several can stand in one scope.
 */
export function emit(
  expression: Expression,
  operands: readonly string[],
  T: "f32" | "vec4f",
  prefix: string,
): { readonly statements: readonly string[]; readonly result: string } {
  const names = [...operands];
  const statements: string[] = [];
  expression.code.forEach((instruction, i) => {
    if (instruction.fn === "constant") {
      names.push(`${T}(${literal(instruction.value)})`);
      return;
    }
    const name = `${prefix}${i}`;
    const args = instruction.args.map((arg) => names[arg]!);
    statements.push(`let ${name} = ${functions[instruction.fn].wgsl(args, T)};`);
    names.push(name);
  });
  return { statements, result: names.at(-1)! };
}

/**
 * Bytes of the operands that must be read: each element once, however often it is repeated.
 *
 * @param types Of each operand; floats where there is none.
 */
export function bytesRead({ shape, operands }: Expression, types: readonly DType[]): number {
  return operands.reduce((sum, { strides }, n) => {
    const own = shape.filter((_, axis) => strides[axis] !== 0);
    return sum + bytesOf({ shape: own, dtype: types[n] ?? "f32" });
  }, 0);
}

/**
 * Merges neighbouring axes that every operand walks through as if they were one, and drops axes of extent 1.
 *
 * @returns The shorter shape and the operands' layouts over it; never fewer than `keep` axes at the end are left alone.
 */
export function collapse(
  shape: Shape,
  operands: readonly Layout[],
): { readonly shape: readonly number[]; readonly operands: readonly Layout[] } {
  const extents: number[] = [];
  const strides: number[][] = operands.map(() => []);
  shape.forEach((extent, axis) => {
    if (extent === 1) return;
    const last = extents.length - 1;
    const merges = last >= 0 &&
      operands.every((o, i) => strides[i]![last] === o.strides[axis]! * extent);
    if (merges) {
      extents[last]! *= extent;
      operands.forEach((o, i) => strides[i]![last] = o.strides[axis]!);
    } else {
      extents.push(extent);
      operands.forEach((o, i) => strides[i]!.push(o.strides[axis]!));
    }
  });
  return { shape: extents, operands: operands.map((o, i) => ({ offset: o.offset, strides: strides[i]! })) };
}

/**
 * The position of an element of an operand as WGSL, from the variables that hold its index along each axis.
 */
export function address(layout: Layout, indices: readonly string[]): string {
  const terms = layout.strides
    .map((stride, axis) =>
      stride === 0 ? "" : stride === 1 ? indices[axis]! : `${indices[axis]} * ${stride}u`
    )
    .filter((term) => term !== "");
  if (layout.offset !== 0) terms.push(`${layout.offset}u`);
  return terms.length === 0 ? "0u" : terms.join(" + ");
}

/** Statements that split a flat index into its index along each axis, named `${prefix}0`, `${prefix}1`, …. */
export function unravel(
  flat: string,
  shape: Shape,
  prefix: string,
): { statements: string[]; indices: string[] } {
  const indices = shape.map((_, axis) => `${prefix}${axis}`);
  const statements: string[] = [];
  let rest = flat;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (axis === 0) {
      statements.push(`let ${indices[0]} = ${rest};`);
    } else {
      statements.push(`let ${indices[axis]} = ${rest} % ${shape[axis]}u;`);
      statements.push(`let ${prefix}r${axis} = ${rest} / ${shape[axis]}u;`);
      rest = `${prefix}r${axis}`;
    }
  }
  return { statements, indices };
}

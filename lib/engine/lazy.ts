/**
 * Lazy values: expressions of stored values, written out by whoever reads them.
 * @module
 */

import { contiguousStrides, sameShape, type Shape } from "../core/tensor.ts";
import type { Expression, Instruction, Layout } from "../../kernels/expression.ts";
import type { Value } from "./graph.ts";
import type { Stored } from "./steps.ts";

/** A stored value and the order its elements are read in. */
export interface Read {
  /** What is read. */
  readonly value: Value;
  /** In which order. */
  readonly layout: Layout;
}

/** A value as an expression of stored values. */
export interface Lazy {
  /** Its shape. */
  readonly shape: Shape;
  /** The operands. */
  readonly reads: readonly Read[];
  /** The computation; none where the only operand is the value. */
  readonly code: readonly Instruction[];
}

/** Elements that bindings start at: WebGPU asks for 256 bytes. */
const ALIGNMENT = 64;

/** A value that is stored as it is. */
export function stored(value: Value): Lazy {
  return { shape: value.shape, reads: [{ value, layout: contiguous(value.shape) }], code: [] };
}

/** One number everywhere. */
export function filled(shape: Shape, value: number): Lazy {
  return { shape, reads: [], code: [{ fn: "constant", value }] };
}

/** The same elements under other indices, or `null` where an operand's strides cannot say it. */
export function viewed(lazy: Lazy, shape: Shape, view: (layout: Layout) => Layout | null): Lazy | null {
  const reads: Read[] = [];
  for (const { value, layout } of lazy.reads) {
    const seen = view(layout);
    if (seen === null) return null;
    reads.push({ value, layout: seen });
  }
  return { shape, reads, code: lazy.code };
}

/** Joins expressions over one shape; equal operands and equal instructions are written once. */
export function combine(
  shape: Shape,
  parts: readonly Lazy[],
  last: (args: readonly number[]) => Instruction,
): Lazy {
  const reads: Read[] = [];
  const positionOf = (read: Read) =>
    reads.findIndex(({ value, layout }) => value === read.value && sameLayout(shape, layout, read.layout));
  for (const read of parts.flatMap((part) => part.reads)) if (positionOf(read) < 0) reads.push(read);
  const code: Instruction[] = [];
  const seen = new Map<string, number>();
  const push = (instruction: Instruction): number => {
    const text = JSON.stringify(instruction);
    const known = seen.get(text);
    if (known !== undefined) return known;
    const number = reads.length + code.push(instruction) - 1;
    seen.set(text, number);
    return number;
  };
  const results = parts.map((part) => {
    const numbers = part.reads.map(positionOf);
    for (const instruction of part.code) numbers.push(push(renumbered(instruction, (arg) => numbers[arg]!)));
    return numbers.at(-1)!;
  });
  const result = push(last(results));
  if (result !== reads.length + code.length - 1) push({ fn: "copy", args: [result] });
  return { shape, reads, code };
}

/** The instruction with other numbers for its arguments. */
export function renumbered(instruction: Instruction, number: (arg: number) => number): Instruction {
  return instruction.fn === "constant"
    ? instruction
    : { fn: instruction.fn, args: instruction.args.map(number) };
}

/** The expression to be written out. */
export function expressionOf({ shape, reads, code }: Lazy): Expression {
  return { shape, operands: reads.map(({ layout }) => layout), code };
}

/** Where a value lies in memory as a binding can have it, or `null` if it does not. */
export function placeOf({ shape, reads, code }: Lazy): Stored | null {
  const [only] = reads;
  if (only === undefined || reads.length > 1 || code.length > 0) return null;
  const { value, layout: { offset, strides } } = only;
  const lies = offset % ALIGNMENT === 0 && sameLayout(shape, { offset, strides }, contiguous(shape, offset));
  return lies ? { value, offset } : null;
}

/** Row-major from an offset on. */
export function contiguous(shape: Shape, offset = 0): Layout {
  return { offset, strides: contiguousStrides(shape) };
}

/** Whether two layouts visit a shape alike; along an extent of 1 every stride does. */
export function sameLayout(shape: Shape, a: Layout, b: Layout): boolean {
  const moving = ({ strides }: Layout) => strides.filter((_, axis) => shape[axis] !== 1);
  return a.offset === b.offset && sameShape(moving(a), moving(b));
}

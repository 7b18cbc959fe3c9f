/**
 * Reductions over axes. Their operand may be an expression: it is computed as it is read.
 * @module
 */

import { contiguousStrides, type Shape, size, tensor } from "../../core/tensor.ts";
import { apply, type OpDef, shapeError, type Value } from "../graph.ts";
import { div, equal, mul } from "./elementwise.ts";
import { broadcast, reshape } from "./views.ts";

/** Whether reduced axes stay, with extent 1. */
export interface ReduceOptions {
  /** Default: they are dropped. */
  readonly keep?: boolean;
}

/** The sum over some axes, by default all. */
export function sum(x: Value, axes?: readonly number[], options: ReduceOptions = {}): Value {
  return reduce(sumOp, x, axes, options);
}

/** The mean over some axes, by default all. */
export function mean(x: Value, axes?: readonly number[], options: ReduceOptions = {}): Value {
  const total = sum(x, axes, options);
  return mul(total, size(total.shape) / size(x.shape));
}

/** The largest value over some axes, by default all; equal maxima share the gradient. */
export function maximum(x: Value, axes?: readonly number[], options: ReduceOptions = {}): Value {
  return reduce(maximumOp, x, axes, options);
}

interface ReduceAttrs extends Record<string, unknown> {
  readonly axes: readonly number[];
}

function reduce(
  op: OpDef<ReduceAttrs>,
  x: Value,
  axes: readonly number[] | undefined,
  options: ReduceOptions,
): Value {
  const rank = x.shape.length;
  const chosen = (axes ?? x.shape.map((_, axis) => axis)).map((axis) => axis < 0 ? axis + rank : axis);
  if (chosen.length === 0) return x;
  const kept = apply(op, [x], { axes: chosen.toSorted((a, b) => a - b) });
  return options.keep ? kept : reshape(kept, x.shape.filter((_, axis) => !chosen.includes(axis)));
}

const sumOp = reduction("sum", 0, (a, b) => a + b, (ct, x) => broadcast(ct, x.shape));

const maximumOp = reduction("max", -3.4028234e38, Math.max, (ct, x, y, axes) => {
  const hits = equal(x, broadcast(y, x.shape));
  return mul(hits, broadcast(div(ct, sum(hits, axes, { keep: true })), x.shape));
});

function reduction(
  how: "sum" | "max",
  start: number,
  combine: (a: number, b: number) => number,
  gradient: (ct: Value, x: Value, y: Value, axes: readonly number[]) => Value,
): OpDef<ReduceAttrs> {
  const infer = (shape: Shape, axes: readonly number[]) =>
    shape.map((extent, axis) => axes.includes(axis) ? 1 : extent);
  return {
    name: how,
    infer: (inputs, { axes }) => {
      const { shape, dtype } = inputs[0]!;
      if (dtype !== "f32" || axes.some((axis) => !(axis in shape))) {
        throw shapeError(how, `it has no float axes ${axes.join(", ")}`, inputs);
      }
      return [{ shape: infer(shape, axes), dtype }];
    },
    reference: ([x], { axes }) => {
      const shape = infer(x!.shape, axes);
      const out = new Float64Array(size(shape)).fill(start);
      const strides = contiguousStrides(shape).map((stride, axis) => axes.includes(axis) ? 0 : stride);
      const index = new Array<number>(shape.length).fill(0);
      for (let i = 0; i < x!.data.length; i++) {
        const position = strides.reduce((at, stride, axis) => at + stride * index[axis]!, 0);
        out[position] = combine(out[position]!, x!.data[i]!);
        for (let axis = index.length - 1; axis >= 0 && ++index[axis]! === x!.shape[axis]; axis--) {
          index[axis] = 0;
        }
      }
      return [tensor(shape, Float32Array.from(out))];
    },
    vjp: ([ct], [x], [y], { axes }) => [ct ? gradient(ct, x!, y!, axes) : null],
    lowering: { kind: "reduce", how, axes: ({ axes }) => axes },
  };
}

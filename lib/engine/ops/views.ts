/**
 * Views: the same elements under other indices. They cost nothing where the reader follows strides.
 * @module
 */

import { contiguousStrides, sameShape, type Shape, size, type Tensor, tensor } from "../../core/tensor.ts";
import type { Layout } from "../../../kernels/expression.ts";
import { apply, type Attrs, type OpDef, shapeError, type Value } from "../graph.ts";
import { sum } from "./reductions.ts";
import { pad } from "./concat.ts";

/**
 * The same elements, row-major, in another shape. One extent may be -1: it follows from the others.
 *
 * @throws {TypeError} If the number of elements differs.
 */
export function reshape(x: Value, shape: Shape): Value {
  const known = shape.reduce((product, extent) => extent === -1 ? product : product * extent, 1);
  const target = shape.map((extent) => extent === -1 ? size(x.shape) / known : extent);
  return sameShape(x.shape, target) ? x : apply(reshapeOp, [x], { shape: target });
}

/** The axes in another order: axis `i` of the result is axis `axes[i]` of `x`. */
export function permute(x: Value, axes: readonly number[]): Value {
  return apply(permuteOp, [x], { axes });
}

/** Repeats `x` along axes of extent 1 and along new leading axes, as numpy does. */
export function broadcast(x: Value, shape: Shape): Value {
  return sameShape(x.shape, shape) ? x : apply(broadcastOp, [x], { shape });
}

/** The elements `start … end - 1` along an axis. */
export function slice(x: Value, axis: number, start: number, end: number): Value {
  const positive = axis < 0 ? axis + x.shape.length : axis;
  if (start === 0 && end === x.shape[positive]) return x;
  return apply(sliceOp, [x], { axis: positive, start, end });
}

/** Puts an axis of extent 1 before the given one. */
export function expand(x: Value, axis: number): Value {
  return reshape(x, [...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)]);
}

/** The value, as a constant to the gradient. */
export function stopGradient(x: Value): Value {
  return apply(stopGradientOp, [x], {});
}

const reshapeOp: OpDef<{ shape: Shape }> = view("reshape", {
  infer: (inputs, { shape }) => {
    if (size(inputs[0]!.shape) !== size(shape) || shape.some((extent) => !Number.isInteger(extent))) {
      throw shapeError("reshape", `the new shape [${shape.join(", ")}] holds ${size(shape)} values`, inputs);
    }
    return shape;
  },
  view: (layout, from, { shape }) => reshapeLayout(layout, from, shape),
  gradient: (ct, x) => reshape(ct, x.shape),
});

const permuteOp: OpDef<{ axes: readonly number[] }> = view("permute", {
  infer: (inputs, { axes }) => {
    const { shape } = inputs[0]!;
    if (
      axes.length !== shape.length || new Set(axes).size !== axes.length || axes.some((a) => !(a in shape))
    ) {
      throw shapeError("permute", `[${axes.join(", ")}] is no order of its axes`, inputs);
    }
    return axes.map((axis) => shape[axis]!);
  },
  view: (layout, _, { axes }) => ({ ...layout, strides: axes.map((axis) => layout.strides[axis]!) }),
  gradient: (ct, _, { axes }) => permute(ct, axes.map((_, axis) => axes.indexOf(axis))),
});

const broadcastOp: OpDef<{ shape: Shape }> = view("broadcast", {
  infer: (inputs, { shape }) => {
    const from = inputs[0]!.shape;
    const lead = shape.length - from.length;
    if (lead < 0 || from.some((extent, axis) => extent !== 1 && extent !== shape[lead + axis])) {
      throw shapeError("broadcast", `it does not repeat to [${shape.join(", ")}]`, inputs);
    }
    return shape;
  },
  view: (layout, from, { shape }) => {
    const lead = shape.length - from.length;
    return {
      ...layout,
      strides: shape.map((extent, axis) =>
        axis < lead || from[axis - lead] !== extent ? 0 : layout.strides[axis - lead]!
      ),
    };
  },
  gradient: (ct, x) => {
    const lead = ct.shape.length - x.shape.length;
    const axes = ct.shape.flatMap((extent, axis) =>
      axis < lead || x.shape[axis - lead] !== extent ? [axis] : []
    );
    return reshape(sum(ct, axes), x.shape);
  },
});

const sliceOp: OpDef<{ axis: number; start: number; end: number }> = view("slice", {
  infer: (inputs, { axis, start, end }) => {
    const { shape } = inputs[0]!;
    if (!(axis in shape) || start < 0 || end > shape[axis]! || start >= end) {
      throw shapeError("slice", `it has no elements ${start} to ${end} along axis ${axis}`, inputs);
    }
    return shape.map((extent, i) => i === axis ? end - start : extent);
  },
  view: ({ offset, strides }, _, { axis, start }) => ({ offset: offset + start * strides[axis]!, strides }),
  gradient: (ct, x, { axis, start, end }) => pad(ct, axis, start, x.shape[axis]! - end),
});

const stopGradientOp: OpDef<Attrs> = view("stop_gradient", {
  infer: (inputs) => inputs[0]!.shape,
  view: (layout) => layout,
  gradient: () => null,
});

interface View<A> {
  readonly infer: (inputs: Parameters<OpDef["infer"]>[0], attrs: A) => Shape;
  readonly view: (layout: Layout, from: Shape, attrs: A) => Layout | null;
  readonly gradient: (ct: Value, x: Value, attrs: A) => Value | null;
}

function view<A extends Attrs>(name: string, { infer, view, gradient }: View<A>): OpDef<A> {
  return {
    name,
    infer: (inputs, attrs) => {
      const { dtype } = inputs[0]!;
      if (dtype === "f16") throw shapeError(name, "halves are read as they lie or not at all", inputs);
      return [{ shape: infer(inputs, attrs), dtype }];
    },
    reference: ([x], attrs) => {
      const layout = view({ offset: 0, strides: contiguousStrides(x!.shape) }, x!.shape, attrs)!;
      return [readThrough(x!, layout, infer([x!], attrs))];
    },
    vjp: ([ct], [x], _, attrs) => [ct ? gradient(ct, x!, attrs) : null],
    lowering: { kind: "view", view },
  };
}

/** Copies a tensor's elements in the order a layout visits them. */
function readThrough(x: Tensor, layout: Layout, shape: Shape): Tensor {
  const positions = new Uint32Array(size(shape)).fill(layout.offset);
  let repeat = positions.length;
  shape.forEach((extent, axis) => {
    repeat /= extent;
    const stride = layout.strides[axis]!;
    for (let i = 0; i < positions.length; i++) positions[i]! += (Math.floor(i / repeat) % extent) * stride;
  });
  return x.dtype === "f32"
    ? tensor(shape, Float32Array.from(positions, (p) => x.data[p]!))
    : { shape, dtype: "u32", data: Uint32Array.from(positions, (p) => x.data[p]!) };
}

/** The layout after a change of shape, or `null` where no strides say it. */
function reshapeLayout(layout: Layout, from: Shape, to: Shape): Layout | null {
  const strides = new Array<number>(to.length).fill(0);
  let i = 0, j = 0;
  while (i < from.length || j < to.length) {
    if (i < from.length && from[i] === 1) {
      i++;
      continue;
    }
    if (j < to.length && to[j] === 1) {
      j++;
      continue;
    }
    const starts = [i, j] as const;
    let a = from[i++] ?? 1, b = to[j++] ?? 1;
    while (a !== b) {
      if (a < b) a *= from[i++]!;
      else b *= to[j++]!;
    }
    const old = [];
    for (let axis = starts[0]; axis < i; axis++) if (from[axis] !== 1) old.push(axis);
    for (let n = 0; n + 1 < old.length; n++) {
      const [outer, inner] = [old[n]!, old[n + 1]!];
      if (layout.strides[outer] !== layout.strides[inner]! * from[inner]!) return null;
    }
    let stride = layout.strides[old.at(-1)!]!;
    for (let axis = j - 1; axis >= starts[1]; axis--) {
      strides[axis] = stride;
      stride *= to[axis]!;
    }
  }
  return { offset: layout.offset, strides };
}

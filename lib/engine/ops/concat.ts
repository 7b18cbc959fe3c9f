/**
 * Putting tensors side by side, and into a frame of zeros.
 * @module
 */

import { sameShape, size, tensor, type TensorType } from "../../core/tensor.ts";
import { copyRows, padRows, placeVector } from "../../../kernels/copy.ts";
import { apply, type OpDef, shapeError, type Value } from "../graph.ts";
import { canBeHalves } from "./factor.ts";
import { slice } from "./views.ts";

/**
 * Joins tensors along an axis.
 *
 * @throws {TypeError} If another axis differs.
 */
export function concat(xs: readonly Value[], axis: number): Value {
  if (xs.length === 1) return xs[0]!;
  return apply(concatOp, xs, { axis: axis < 0 ? axis + xs[0]!.shape.length : axis });
}

/** Puts zeros before and after the elements along an axis. */
export function pad(x: Value, axis: number, before: number, after: number): Value {
  return before === 0 && after === 0 ? x : apply(padOp, [x], { axis, before, after });
}

/**
 * Puts vectors into one, each at a start of its own and in rising order; zeros fill the gaps.
 *
 * @param starts Multiples of 64, so that each part can be bound where it lies.
 * @param length Elements of the result.
 */
export function pack(xs: readonly Value[], starts: readonly number[], length: number): Value {
  return apply(packOp, xs, { starts, length });
}

const concatOp: OpDef<{ axis: number }> = {
  name: "concat",
  infer: (inputs, { axis }) => {
    const { shape } = inputs[0]!;
    const others = (s: readonly number[]) => s.filter((_, i) => i !== axis);
    if (
      !(axis in shape) || inputs.some((x) => x.dtype !== "f32" || !sameShape(others(x.shape), others(shape)))
    ) {
      throw shapeError("concat", `its operands do not join along axis ${axis}`, inputs);
    }
    const total = inputs.reduce((sum, input) => sum + input.shape[axis]!, 0);
    return [{ shape: shape.map((extent, i) => i === axis ? total : extent), dtype: "f32" }];
  },
  reference: (inputs, { axis }) => {
    const [{ shape }] = concatOp.infer(inputs, { axis }) as readonly TensorType[] as readonly [TensorType];
    const out = new Float32Array(size(shape));
    const stride = size(shape.slice(axis));
    let start = 0;
    for (const x of inputs) {
      const width = size(x.shape.slice(axis));
      for (let i = 0; i < x.data.length; i++) {
        out[Math.floor(i / width) * stride + start + i % width] = x.data[i]!;
      }
      start += width;
    }
    return [tensor(shape, out)];
  },
  vjp: ([ct], inputs, _, { axis }) => {
    let start = 0;
    return inputs.map((x) => {
      const end = start + x.shape[axis]!;
      const part = ct ? slice(ct, axis, start, end) : null;
      start = end;
      return part;
    });
  },
  lowering: {
    kind: "kernel",
    takesEpilogue: false,
    moves: true,
    readsHalves: (_, inputs) => inputs.every(({ shape }) => canBeHalves(shape)),
    lower: ({ inputs, outputs, attrs: { axis } }) => {
      const to = outputs[0]!.dtype as "f32" | "f16";
      const stride = size(outputs[0]!.shape.slice(axis));
      let start = 0;
      return inputs.map((x, index) => {
        const width = size(x.shape.slice(axis));
        const kernel = copyRows({
          rows: size(x.shape) / width,
          width,
          stride,
          start,
          from: x.dtype as "f32" | "f16",
          to,
        });
        start += width;
        return { kernel, operands: [{ kind: "input", index }, { kind: "output", index: 0 }] };
      });
    },
  },
};

const padOp: OpDef<{ axis: number; before: number; after: number }> = {
  name: "pad",
  infer: (inputs, { axis, before, after }) => {
    const { shape, dtype } = inputs[0]!;
    if (dtype !== "f32" || !(axis in shape) || before < 0 || after < 0) {
      throw shapeError("pad", `it cannot grow by ${before} and ${after} along axis ${axis}`, inputs);
    }
    return [{ shape: shape.map((extent, i) => i === axis ? before + extent + after : extent), dtype }];
  },
  reference: (inputs, attrs) => {
    const [x] = inputs;
    const [{ shape }] = padOp.infer(inputs, attrs) as readonly TensorType[] as readonly [TensorType];
    const out = new Float32Array(size(shape));
    const inner = size(shape.slice(attrs.axis + 1));
    const width = x!.shape[attrs.axis]! * inner;
    const stride = shape[attrs.axis]! * inner;
    for (let i = 0; i < x!.data.length; i++) {
      out[Math.floor(i / width) * stride + attrs.before * inner + i % width] = x!.data[i]!;
    }
    return [tensor(shape, out)];
  },
  vjp: ([ct], [x], _, { axis, before }) => [ct ? slice(ct, axis, before, before + x!.shape[axis]!) : null],
  lowering: {
    kind: "kernel",
    takesEpilogue: false,
    lower: ({ inputs, outputs, attrs: { axis, before } }) => {
      const inner = size(outputs[0]!.shape.slice(axis + 1));
      const width = inputs[0]!.shape[axis]! * inner;
      const kernel = padRows({
        rows: size(inputs[0]!.shape) / width,
        width,
        stride: outputs[0]!.shape[axis]! * inner,
        start: before * inner,
      });
      return [{ kernel, operands: [{ kind: "input", index: 0 }, { kind: "output", index: 0 }] }];
    },
  },
};

const packOp: OpDef<{ starts: readonly number[]; length: number }> = {
  name: "pack",
  infer: (inputs, { starts, length }) => {
    const ends = [...starts.slice(1), length];
    const fits = inputs.every(({ shape, dtype }, i) =>
      dtype === "f32" && shape.length === 1 && starts[i]! % 64 === 0 && starts[i]! + shape[0]! <= ends[i]!
    );
    if (!fits || inputs.length !== starts.length || starts[0] !== 0) {
      throw shapeError("pack", `its operands do not lie apart in ${length} floats`, inputs);
    }
    return [{ shape: [length], dtype: "f32" }];
  },
  reference: (inputs, { starts, length }) => {
    const out = new Float32Array(length);
    inputs.forEach(({ data }, i) => out.set(data as Float32Array<ArrayBuffer>, starts[i]));
    return [tensor([length], out)];
  },
  vjp: ([ct], inputs, _, { starts }) =>
    inputs.map(({ shape }, i) => ct ? slice(ct, 0, starts[i]!, starts[i]! + shape[0]!) : null),
  lowering: {
    kind: "kernel",
    takesEpilogue: false,
    starts: ({ starts }) => starts,
    lower: ({ inputs, attrs: { starts, length } }) =>
      inputs.map(({ shape }, index) => {
        const start = starts[index]!;
        const stride = (starts[index + 1] ?? length) - start;
        const kernel = placeVector({ width: shape[0]!, stride, start });
        return { kernel, operands: [{ kind: "input", index }, { kind: "output", index: 0 }] };
      }),
  },
};

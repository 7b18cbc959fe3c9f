/**
 * Putting tensors side by side, and into a frame of zeros.
 * @module
 */

import { sameShape, size, tensor, type TensorType } from "../../core/tensor.ts";
import { copyRows, padRows } from "../../../kernels/copy.ts";
import { apply, type OpDef, shapeError, type Value } from "../graph.ts";
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
    lower: ({ inputs, outputs, attrs: { axis } }) => {
      const stride = size(outputs[0]!.shape.slice(axis));
      let start = 0;
      return inputs.map((x, index) => {
        const width = size(x.shape.slice(axis));
        const kernel = copyRows({ rows: size(x.shape) / width, width, stride, start });
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

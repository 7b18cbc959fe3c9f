/**
 * Ops on bytes, which are floats that hold integers of `[0, 255]`: exact on every adapter, and without gradients.
 *
 * They are what image libraries do before a model sees an image. Where a gradient is wanted,
 * `straightThrough` lets other ops stand in their place.
 * @module
 */

import { size, tensor, type TensorType } from "../../core/tensor.ts";
import { bytesToLevels as levelsKernel } from "../../../kernels/bytes_to_levels.ts";
import { resampleBytes as resampleKernel, type ResampleBytesSpec } from "../../../kernels/resample_bytes.ts";
import { apply, type Attrs, type OpDef, shapeError, type Value } from "../graph.ts";

/**
 * Bytes resampled along an axis in fixed-point numbers: each output is the sum of a window's bytes, weighted, rounded to
 * nearest and clamped to `[0, 255]`.
 *
 * @param x Bytes.
 * @param windows u32 `[count, 1 + taps]`: each window's start, then the bits of its i32 weights with 22 binary places.
 * Windows lie on the axis, and their weights' sum, times 255, in an i32.
 * @returns Bytes, with `count` positions along the axis; no gradient.
 * @throws {TypeError} If the windows are no matrix of words, or too wide for the axis.
 */
export function resampleBytes(x: Value, windows: Value, axis: number): Value {
  return apply(resampleBytesOp, [x, windows], { axis: axis < 0 ? axis + x.shape.length : axis });
}

/**
 * A float for each byte, by a table for each channel: exact where the GPU's arithmetic need not be.
 *
 * @param x Bytes `[..., C]`.
 * @param levels `[256, C]`.
 * @returns `[..., C]`; no gradient.
 * @throws {TypeError} If the table does not fit.
 */
export function bytesToLevels(x: Value, levels: Value): Value {
  return apply(bytesToLevelsOp, [x, levels], {});
}

/** The op behind {@linkcode resampleBytes}. */
export const resampleBytesOp: OpDef<{ readonly axis: number }> = {
  name: "resample_bytes",
  infer: (inputs, { axis }) => {
    const [x, windows] = inputs as [TensorType, TensorType];
    const isWindows = windows.dtype === "u32" && windows.shape.length === 2 && windows.shape[1]! > 1;
    if (x.dtype !== "f32" || !isWindows || !(windows.shape[1]! - 1 <= x.shape[axis]!)) {
      throw shapeError(
        "resample_bytes",
        `its operands are not floats and u32 [count, 1 + taps] with windows within axis ${axis}`,
        inputs,
      );
    }
    return [{ shape: x.shape.with(axis, windows.shape[0]!), dtype: "f32" }];
  },
  reference: ([x, windows], { axis }) => {
    const { outer, extent, inner, count, taps } = specOf(x!, windows!, axis);
    const out = new Float32Array(outer * count * inner);
    for (let i = 0; i < out.length; i++) {
      const window = Math.floor(i / inner) % count * (taps + 1);
      const start = windows!.data[window]!;
      if (start + taps > extent) {
        throw new RangeError(
          `Cannot resample_bytes as a window does not lie on the axis of ${extent}: ${taps} from ${start}`,
        );
      }
      const first = (Math.floor(i / (count * inner)) * extent + start) * inner + i % inner;
      let sum = 1 << 21;
      for (let tap = 0; tap < taps; tap++) {
        sum += (windows!.data[window + 1 + tap]! | 0) * x!.data[first + tap * inner]!;
      }
      out[i] = Math.min(Math.max(sum >> 22, 0), 255);
    }
    return [tensor(x!.shape.with(axis, count), out)];
  },
  vjp: () => [null, null],
  lowering: {
    kind: "kernel",
    takesEpilogue: false,
    lower: ({ inputs: [x, windows], attrs: { axis } }) => [{
      kernel: resampleKernel(specOf(x!, windows!, axis)),
      operands: [{ kind: "input", index: 0 }, { kind: "input", index: 1 }, { kind: "output", index: 0 }],
    }],
  },
};

/** The op behind {@linkcode bytesToLevels}. */
export const bytesToLevelsOp: OpDef<Attrs> = {
  name: "bytes_to_levels",
  infer: (inputs) => {
    const [x, levels] = inputs as [TensorType, TensorType];
    const fits = levels.shape.length === 2 && levels.shape[0] === 256 && levels.shape[1] === x.shape.at(-1);
    if (!fits || inputs.some(({ dtype }) => dtype !== "f32")) {
      throw shapeError("bytes_to_levels", "its operands are not floats [..., C] and [256, C]", inputs);
    }
    return [{ shape: x.shape, dtype: "f32" }];
  },
  reference: ([x, levels]) => {
    const channels = levels!.shape[1]!;
    const out = new Float32Array(x!.data.length);
    x!.data.forEach((byte: number, i: number) => out[i] = levels!.data[byte * channels + i % channels]!);
    return [tensor(x!.shape, out)];
  },
  vjp: () => [null, null],
  lowering: {
    kind: "kernel",
    takesEpilogue: false,
    lower: ({ inputs: [x, levels] }) => {
      const channels = levels!.shape[1]!;
      return [{
        kernel: levelsKernel(size(x!.shape) / channels, channels),
        operands: [{ kind: "input", index: 0 }, { kind: "input", index: 1 }, { kind: "output", index: 0 }],
      }];
    },
  },
};

function specOf(x: TensorType, windows: TensorType, axis: number): ResampleBytesSpec {
  const [count, width] = windows.shape as [number, number];
  return {
    outer: size(x.shape.slice(0, axis)),
    extent: x.shape[axis]!,
    inner: size(x.shape.slice(axis + 1)),
    count,
    taps: width - 1,
  };
}

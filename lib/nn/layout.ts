/**
 * The two layouts of a convolution's weight: files keep `[out, in, kh, kw]`, the engine computes with
 * `[kh, kw, in, out]`, or with `[out, in]`, a linear layer's, where the kernel is 1x1.
 * @module
 */

import { type FloatTensor, type Shape, size, tensor } from "../core/tensor.ts";

/** The engine's shape of a parameter whose checkpoint has the given one. */
export function engineShape(shape: Shape): Shape {
  if (shape.length !== 4) return shape;
  const [out, into, kh, kw] = shape as readonly [number, number, number, number];
  return kh === 1 && kw === 1 ? [out, into] : [kh, kw, into, out];
}

/** Brings a parameter from its checkpoint's layout to the engine's. */
export function toEngine(param: FloatTensor): FloatTensor {
  return relayout(param, engineShape(param.shape), false);
}

/**
 * Brings a parameter from the engine's layout to its checkpoint's.
 *
 * @param shape Its shape in the checkpoint.
 */
export function toCheckpoint(param: FloatTensor, shape: Shape): FloatTensor {
  return relayout(param, shape, true);
}

function relayout(param: FloatTensor, target: Shape, back: boolean): FloatTensor {
  const file = back ? target : param.shape;
  if (file.length !== 4 || file[2]! * file[3]! === 1) return tensor(target, param.data);
  const [out, into, kh, kw] = file as readonly [number, number, number, number];
  const data = new Float32Array(size(target));
  let position = 0;
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < into; i++) {
      for (let tap = 0; tap < kh * kw; tap++, position++) {
        const engine = (tap * into + i) * out + o;
        if (back) data[position] = param.data[engine]!;
        else data[engine] = param.data[position]!;
      }
    }
  }
  return tensor(target, data);
}

/**
 * The two layouts of a convolution's weight: files keep `[out, in, kh, kw]`, the engine computes with
 * `[kh, kw, in, out]`, or with `[out, in]`, a linear layer's, where the kernel is 1x1.
 * @module
 */

import {
  type F32,
  type FloatTensor,
  type HalfTensor,
  halves,
  type Shape,
  size,
  tensor,
  type U16,
} from "../core/tensor.ts";

/** The engine's shape of a parameter whose checkpoint has the given one. */
export function engineShape(shape: Shape): Shape {
  if (shape.length !== 4) return shape;
  const [out, into, kh, kw] = shape as readonly [number, number, number, number];
  return kh === 1 && kw === 1 ? [out, into] : [kh, kw, into, out];
}

/** Brings a parameter from its checkpoint's layout to the engine's. */
export function toEngine(param: FloatTensor): FloatTensor;
export function toEngine(param: FloatTensor | HalfTensor): FloatTensor | HalfTensor;
export function toEngine(param: FloatTensor | HalfTensor): FloatTensor | HalfTensor {
  const shape = engineShape(param.shape);
  return param.dtype === "f32"
    ? tensor(shape, relaid(param.data, new Float32Array(param.data.length), param.shape, false))
    : halves(shape, relaid(param.data, new Uint16Array(param.data.length), param.shape, false));
}

/**
 * Brings a parameter from the engine's layout to its checkpoint's.
 *
 * @param shape Its shape in the checkpoint.
 */
export function toCheckpoint(param: FloatTensor, shape: Shape): FloatTensor {
  return tensor(shape, relaid(param.data, new Float32Array(size(shape)), shape, true));
}

/** A parameter's elements in the other layout. */
function relaid<T extends F32 | U16, R extends T & { [position: number]: number }>(
  data: T,
  target: R,
  file: Shape,
  back: boolean,
): T {
  if (file.length !== 4 || file[2]! * file[3]! === 1) return data;
  const [out, into, kh, kw] = file as readonly [number, number, number, number];
  let position = 0;
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < into; i++) {
      for (let tap = 0; tap < kh * kw; tap++, position++) {
        const engine = (tap * into + i) * out + o;
        if (back) target[position] = data[engine]!;
        else target[engine] = data[position]!;
      }
    }
  }
  return target;
}

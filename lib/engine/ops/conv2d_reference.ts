/**
 * Convolution and its gradients on the CPU: one walk over all products, three ways to gather them.
 * @module
 */

import { size, type Tensor, tensor } from "../../core/tensor.ts";
import type { Conv2dShape } from "../../../kernels/conv2d_shape.ts";

/** The convolution of `x` `[B, H, W, Ci]` with `w` `[kh, kw, Ci, Co]`. */
export function conv2dReference(x: Tensor, w: Tensor, shape: Conv2dShape): Tensor {
  const { batch, outHeight, outWidth, outChannels } = shape;
  return gather(
    [batch, outHeight, outWidth, outChannels],
    (out) =>
      products(shape, (image, weight, result) => {
        out[result]! += x.data[image]! * w.data[weight]!;
      }),
  );
}

/** Its gradient to `x` from `ct` `[B, Ho, Wo, Co]`. */
export function gradInputReference(ct: Tensor, w: Tensor, shape: Conv2dShape): Tensor {
  const { batch, height, width, inChannels } = shape;
  return gather([batch, height, width, inChannels], (out) =>
    products(shape, (image, weight, result) => {
      out[image]! += ct.data[result]! * w.data[weight]!;
    }));
}

/** Its gradient to `w` from `ct` `[B, Ho, Wo, Co]`. */
export function gradWeightReference(x: Tensor, ct: Tensor, shape: Conv2dShape): Tensor {
  const { taps, inChannels, outChannels } = shape;
  return gather([...taps, inChannels, outChannels], (out) =>
    products(shape, (image, weight, result) => {
      out[weight]! += x.data[image]! * ct.data[result]!;
    }));
}

/** Sums in f64 and rounds once. */
function gather(shape: readonly number[], fill: (out: Float64Array) => void): Tensor {
  const out = new Float64Array(size(shape));
  fill(out);
  return tensor(shape, Float32Array.from(out));
}

/** Visits every product inside the image, with the positions of its factors and of its sum. */
function products(shape: Conv2dShape, visit: (image: number, weight: number, result: number) => void): void {
  const { batch, height, width, inChannels, outHeight, outWidth, outChannels, taps, stride, before } = shape;
  for (let pixel = 0; pixel < batch * outHeight * outWidth; pixel++) {
    const b = Math.floor(pixel / (outHeight * outWidth));
    const top = Math.floor(pixel / outWidth) % outHeight * stride - before[0];
    const left = pixel % outWidth * stride - before[1];
    for (let tap = 0; tap < taps[0] * taps[1]; tap++) {
      const y = top + Math.floor(tap / taps[1]);
      const x = left + tap % taps[1];
      if (y < 0 || y >= height || x < 0 || x >= width) continue;
      const image = ((b * height + y) * width + x) * inChannels;
      for (let ci = 0; ci < inChannels; ci++) {
        const weight = (tap * inChannels + ci) * outChannels;
        for (let co = 0; co < outChannels; co++) visit(image + ci, weight + co, pixel * outChannels + co);
      }
    }
  }
}

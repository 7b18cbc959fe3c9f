/**
 * Random numbers from a key: the same on the CPU and on the GPU.
 * @module
 */

import { normals, uniforms } from "../../core/random.ts";
import { sameShape, type Shape, size, tensor } from "../../core/tensor.ts";
import { type Distribution, random as randomKernel } from "../../../kernels/random.ts";
import { apply, type OpDef, shapeError, type Value } from "../graph.ts";

/**
 * Uniform floats in `[0, 1)`, the bits of `uniforms` of `lib/core/random.ts`.
 *
 * @param key u32 `[2]`.
 * @throws {TypeError} If the key is not two words.
 */
export function randomUniform(key: Value, shape: Shape): Value {
  return apply(randomOp, [key], { shape, distribution: "uniform" });
}

/**
 * Standard normal floats, in the order of `normals` of `lib/core/random.ts`.
 *
 * @param key u32 `[2]`.
 * @throws {TypeError} If the key is not two words.
 */
export function randomNormal(key: Value, shape: Shape): Value {
  return apply(randomOp, [key], { shape, distribution: "normal" });
}

/** The op behind {@linkcode randomUniform} and {@linkcode randomNormal}. */
export const randomOp: OpDef<{ readonly shape: Shape; readonly distribution: Distribution }> = {
  name: "random",
  infer: (inputs, { shape }) => {
    const [key] = inputs;
    if (key!.dtype !== "u32" || !sameShape(key!.shape, [2])) {
      throw shapeError("random", "its key is not u32 [2]", inputs);
    }
    return [{ shape, dtype: "f32" }];
  },
  reference: ([key], { shape, distribution }) => {
    const draw = distribution === "uniform" ? uniforms : normals;
    return [tensor(shape, draw([key!.data[0]!, key!.data[1]!], size(shape)))];
  },
  vjp: () => [null],
  lowering: {
    kind: "kernel",
    takesEpilogue: false,
    lower: ({ attrs: { shape, distribution } }) => [{
      kernel: randomKernel(size(shape), distribution),
      operands: [{ kind: "input", index: 0 }, { kind: "output", index: 0 }],
    }],
  },
};

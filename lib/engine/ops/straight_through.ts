/**
 * What has no gradient of its own, with the gradient of what stands for it (Bengio et al. 2013, https://arxiv.org/abs/1308.3432).
 * @module
 */

import { sameShape } from "../../core/tensor.ts";
import { apply, type Attrs, type OpDef, shapeError, type Value } from "../graph.ts";

/**
 * The value, to the bit, and to the gradient its stand-in; where only the value is needed the stand-in costs nothing.
 *
 * @param value Such as something rounded.
 * @param standIn Such as the same before it was rounded; of the value's shape.
 * @throws {TypeError} If their shapes differ.
 */
export function straightThrough(value: Value, standIn: Value): Value {
  return apply(straightThroughOp, [value, standIn], {});
}

/** The op behind {@linkcode straightThrough}. */
export const straightThroughOp: OpDef<Attrs> = {
  name: "straight_through",
  infer: (inputs) => {
    const [value, standIn] = inputs;
    if (inputs.some(({ dtype }) => dtype !== "f32") || !sameShape(value!.shape, standIn!.shape)) {
      throw shapeError("straight_through", "its operands are not floats of one shape", inputs);
    }
    return [{ shape: value!.shape, dtype: "f32" }];
  },
  reference: ([value]) => [value!],
  vjp: ([ct]) => [null, ct ?? null],
  lowering: { kind: "identity" },
};

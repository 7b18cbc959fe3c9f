/**
 * Short constant vectors, such as the frequencies of a timestep's embedding.
 * @module
 */

import { tensor } from "../../core/tensor.ts";
import { vector as vectorKernel } from "../../../kernels/vector.ts";
import { apply, type OpDef, type Value } from "../graph.ts";

/** Numbers a vector holds at the most: each is a line of its shader. */
const LONGEST = 4096;

/**
 * A constant vector `[values.length]`, rounded to f32 and the same bits on every adapter.
 *
 * @throws {RangeError} If it has no elements or more than 4096, or one is not finite.
 */
export function vector(values: readonly number[]): Value {
  return apply(vectorOp, [], { values });
}

const vectorOp: OpDef<{ values: readonly number[] }> = {
  name: "vector",
  infer: (_, { values }) => {
    if (values.length === 0 || values.length > LONGEST) {
      throw new RangeError(
        `Cannot make a constant vector as it holds 1 to ${LONGEST} numbers: ${values.length}`,
      );
    }
    const strange = values.find((value) => !Number.isFinite(Math.fround(value)));
    if (strange !== undefined) {
      throw new RangeError(`Cannot make a constant vector as a number is not finite: ${strange}`);
    }
    return [{ shape: [values.length], dtype: "f32" }];
  },
  reference: (_, { values }) => [tensor([values.length], values)],
  vjp: () => [],
  lowering: {
    kind: "kernel",
    takesEpilogue: false,
    lower: ({ attrs: { values } }) => [{
      kernel: vectorKernel(values),
      operands: [{ kind: "output", index: 0 }],
    }],
  },
};

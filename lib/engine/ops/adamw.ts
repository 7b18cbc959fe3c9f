/**
 * One step of AdamW as an op: it updates the parameters where they lie.
 * @module
 */

import { sameShape, tensor } from "../../core/tensor.ts";
import { adamw as adamwKernel } from "../../../kernels/adamw.ts";
import { applyAll, type OpDef, shapeError, type Value } from "../graph.ts";

/** What a step reads. */
export interface AdamWInputs {
  /** `[N]`, the parameters. */
  readonly param: Value;
  /** `[N]`, the running mean of gradients. */
  readonly m: Value;
  /** `[N]`, the running mean of squared gradients. */
  readonly v: Value;
  /** `[N]`, the gradient of the loss. */
  readonly grad: Value;
  /** `[]`, what the gradient is multiplied by first, to clip it. */
  readonly scale: Value;
  /** `[4]`: learning rate, weight decay, `1 - beta1^t`, `1 - beta2^t`, with `t` counted from 1. */
  readonly hyper: Value;
}

/** What stays the same from step to step. */
export interface AdamWOptions {
  /** Decay of the running mean of gradients, in [0, 1). */
  readonly beta1: number;
  /** Decay of the running mean of squared gradients, in [0, 1). */
  readonly beta2: number;
  /** Added to the denominator. */
  readonly eps: number;
}

/**
 * One step of AdamW with decoupled weight decay, in place.
 *
 * `g = grad·scale`, `m = β1 m + (1 - β1) g`, `v = β2 v + (1 - β2) g²`,
 * `param = param (1 - λ w) - λ (m / (1 - β1^t)) / (√(v / (1 - β2^t)) + eps)`.
 * See Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101.
 *
 * @returns The new `param`, `m` and `v`, each `[N]`, in the memory of the old.
 * @throws {TypeError} If the shapes differ.
 */
export function adamw(
  { param, m, v, grad, scale, hyper }: AdamWInputs,
  { beta1, beta2, eps }: AdamWOptions,
): { param: Value; m: Value; v: Value } {
  const outputs = applyAll(adamwOp, [param, m, v, grad, scale, hyper], { beta1, beta2, eps });
  return { param: outputs[0]!, m: outputs[1]!, v: outputs[2]! };
}

/** The op behind {@linkcode adamw}. */
export const adamwOp: OpDef<{ readonly beta1: number; readonly beta2: number; readonly eps: number }> = {
  name: "adamw",
  infer: (inputs) => {
    const [param, m, v, grad, scale, hyper] = inputs.map(({ shape }) => shape);
    const fits = inputs.every(({ dtype }) => dtype === "f32") && param!.length === 1 &&
      [m, v, grad].every((shape) => sameShape(shape!, param!)) &&
      sameShape(scale!, []) && sameShape(hyper!, [4]);
    if (!fits) throw shapeError("adamw", "its operands are not four times [N], [] and [4]", inputs);
    return [0, 1, 2].map(() => ({ shape: param!, dtype: "f32" }));
  },
  reference: (inputs, { beta1, beta2, eps }) => {
    const [param, m, v, grad, scale, hyper] = inputs.map(({ data }) => data);
    const [rate, decay, correction1, correction2] = hyper as unknown as [number, number, number, number];
    const after = [param, m, v].map((data) => Float32Array.from(data as ArrayLike<number>));
    for (let i = 0; i < grad!.length; i++) {
      const g = grad![i]! * scale![0]!;
      const mean = beta1 * m![i]! + (1 - beta1) * g;
      const square = beta2 * v![i]! + (1 - beta2) * g * g;
      const step = mean / correction1 / (Math.sqrt(square / correction2) + eps);
      after[0]![i] = param![i]! * (1 - rate * decay) - rate * step;
      after[1]![i] = mean;
      after[2]![i] = square;
    }
    return after.map((data, i) => tensor(inputs[i]!.shape, data));
  },
  vjp: () => {
    throw new TypeError("Cannot differentiate adamw as optimizer steps are not differentiable");
  },
  lowering: {
    kind: "kernel",
    takesEpilogue: false,
    inPlace: [0, 1, 2],
    lower: ({ inputs, attrs, target }) => [{
      kernel: adamwKernel({ count: inputs[0]!.shape[0]!, ...attrs }, target),
      operands: inputs.map((_, index) => ({ kind: "input", index })),
    }],
  },
};

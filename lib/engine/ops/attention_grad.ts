/**
 * The two halves of attention's gradient: what reaches the queries, and what reaches the keys and values.
 *
 * Both take q, k, v, the cotangent ct `[B, T, C]`, lse `[B, H, T]` and delta `[B, T, H]`, the sum of ct·out over a head.
 * @module
 */

import { type Tensor, tensor } from "../../core/tensor.ts";
import { attentionGradKeyValue as keyValueKernel } from "../../../kernels/attention_grad_key_value.ts";
import { attentionGradQuery as queryKernel } from "../../../kernels/attention_grad_query.ts";
import { apply, applyAll, type OpDef, type Value } from "../graph.ts";
import { isInFours } from "./factor.ts";
import { type AttentionAttrs, attentionSpec, checkAttention } from "./attention_problem.ts";

/** The gradient with respect to q. */
export function attentionGradQuery(operands: readonly Value[], attrs: AttentionAttrs): Value {
  return apply(attentionGradQueryOp, operands, attrs);
}

/** The gradients with respect to k and v. */
export function attentionGradKeyValue(operands: readonly Value[], attrs: AttentionAttrs): [Value, Value] {
  const [dk, dv] = applyAll(attentionGradKeyValueOp, operands, attrs);
  return [dk!, dv!];
}

/** The op behind {@linkcode attentionGradQuery}. */
export const attentionGradQueryOp: OpDef<AttentionAttrs> = gradient("attention_grad_query", [0], queryKernel);

/** The op behind {@linkcode attentionGradKeyValue}. */
export const attentionGradKeyValueOp: OpDef<AttentionAttrs> = gradient(
  "attention_grad_key_value",
  [1, 2],
  keyValueKernel,
);

/** An op whose outputs are the gradients of the operands `of`. */
function gradient(name: string, of: readonly number[], kernel: typeof queryKernel): OpDef<AttentionAttrs> {
  return {
    name,
    infer: (inputs, attrs) => {
      checkAttention(name, inputs, attrs);
      return of.map((i) => ({ shape: inputs[i]!.shape, dtype: "f32" }));
    },
    reference: (inputs, attrs) => {
      const gradients = reference(inputs, attrs);
      return of.map((i) => tensor(inputs[i]!.shape, gradients[i]!));
    },
    vjp: () => {
      throw new TypeError(`Cannot differentiate ${name} as attention has no second derivative here`);
    },
    lowering: {
      kind: "kernel",
      takesEpilogue: false,
      readsHalves: (index, inputs) => index < 3 && isInFours(index, inputs),
      lower: ({ inputs, attrs, target }) => [{
        kernel: kernel(attentionSpec(inputs, attrs), target),
        operands: [
          ...inputs.map((_, index) => ({ kind: "input", index }) as const),
          ...of.map((_, index) => ({ kind: "output", index }) as const),
        ],
      }],
    },
  };
}

/** The gradients of q, k and v. */
function reference(inputs: readonly Tensor[], attrs: AttentionAttrs): Float32Array<ArrayBuffer>[] {
  const { batch, heads, queries, keys, width, causal } = attentionSpec(inputs, attrs);
  const [q, k, v, ct, lse, delta] = inputs.map(({ data }) => data);
  const scale = 1 / Math.sqrt(width);
  const [dq, dk, dv] = [0, 1, 2].map((i) => new Float64Array(inputs[i]!.data.length));
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let t = 0; t < queries; t++) {
        const asks = ((b * queries + t) * heads + h) * width;
        for (let s = 0; s < (causal ? Math.min(keys, t + 1) : keys); s++) {
          const answers = ((b * keys + s) * heads + h) * width;
          let score = 0;
          let product = 0;
          for (let c = 0; c < width; c++) {
            score += q![asks + c]! * k![answers + c]!;
            product += ct![asks + c]! * v![answers + c]!;
          }
          const p = Math.exp(score * scale - lse![(b * heads + h) * queries + t]!);
          const slope = p * (product - delta![(b * queries + t) * heads + h]!) * scale;
          for (let c = 0; c < width; c++) {
            dq![asks + c]! += slope * k![answers + c]!;
            dk![answers + c]! += slope * q![asks + c]!;
            dv![answers + c]! += p * ct![asks + c]!;
          }
        }
      }
    }
  }
  return [dq!, dk!, dv!].map((gradient) => Float32Array.from(gradient));
}

/**
 * Attention over all heads at once; its gradient is recomputed from the logarithms of the denominators.
 * @module
 */

import { type Tensor, tensor } from "../../core/tensor.ts";
import { attention as attentionKernel } from "../../../kernels/attention.ts";
import type { AttentionSpec } from "../../../kernels/attention_tiles.ts";
import { applyAll, constant, type OpDef, type Value } from "../graph.ts";
import { attentionGradKeyValue, attentionGradQuery } from "./attention_grad.ts";
import { type AttentionAttrs, attentionSpec, checkAttention } from "./attention_problem.ts";
import { mul, sub } from "./elementwise.ts";
import { isInFours } from "./factor.ts";
import { sum } from "./reductions.ts";
import { broadcast, permute, reshape } from "./views.ts";

/** Settings of attention. */
export interface AttentionOptions {
  /** How many heads the channels hold, side by side; the channels of one are a multiple of 4. */
  readonly heads: number;
  /** Whether query `t` sees the keys `s <= t` only. Default: every query sees all. */
  readonly causal?: boolean;
}

/**
 * `softmax(q kᵀ / √d) v` for each head of width `d`.
 *
 * @param q `[B, T, heads * d]`, what asks.
 * @param k `[B, S, heads * d]`, what is compared with it.
 * @param v `[B, S, heads * d]`, what is averaged.
 * @returns `[B, T, heads * d]`.
 * @throws {TypeError} If the shapes do not fit, or `d` is no multiple of 4.
 */
export function attention(q: Value, k: Value, v: Value, { heads, causal = false }: AttentionOptions): Value {
  return applyAll(attentionOp, [q, k, v], { heads, causal })[0]!;
}

/** The op behind {@linkcode attention}: out `[B, T, H*d]` and the scores' log-sum-exp `[B, H, T]`. */
export const attentionOp: OpDef<AttentionAttrs> = {
  name: "attention",
  infer: (inputs, attrs) => {
    checkAttention("attention", inputs, attrs);
    const { batch, heads, queries } = attentionSpec(inputs, attrs);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }, { shape: [batch, heads, queries], dtype: "f32" }];
  },
  reference: (inputs, attrs) => reference(inputs, attentionSpec(inputs, attrs)),
  vjp: (cts, inputs, outputs, attrs, wanted) => {
    const [q, k, v] = inputs as [Value, Value, Value];
    const [out, lse] = outputs as [Value, Value];
    const { batch, heads, queries, width } = attentionSpec(inputs, attrs);
    const ct = cts[0] ?? broadcast(constant(0), out.shape);
    const shared = sum(reshape(mul(ct, out), [batch, queries, heads, width]), [3]);
    const delta = cts[1] ? sub(shared, permute(cts[1], [0, 2, 1])) : shared;
    const operands = [q, k, v, ct, lse, delta];
    const dq = wanted[0] ? attentionGradQuery(operands, attrs) : null;
    const [dk, dv] = wanted[1] || wanted[2] ? attentionGradKeyValue(operands, attrs) : [null, null];
    return [dq, dk, dv];
  },
  lowering: {
    kind: "kernel",
    takesEpilogue: false,
    readsHalves: isInFours,
    lower: ({ inputs, attrs, target }) => [{
      kernel: attentionKernel(attentionSpec(inputs, attrs), target),
      operands: [
        ...[0, 1, 2].map((index) => ({ kind: "input", index }) as const),
        { kind: "output", index: 0 },
        { kind: "output", index: 1 },
      ],
    }],
  },
};

function reference(inputs: readonly Tensor[], spec: AttentionSpec): Tensor[] {
  const { batch, heads, queries, keys, width, causal } = spec;
  const [q, k, v] = inputs.map(({ data }) => data);
  const channels = heads * width;
  const out = new Float32Array(batch * queries * channels);
  const lse = new Float32Array(batch * heads * queries);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let t = 0; t < queries; t++) {
        const row = (b * queries + t) * channels + h * width;
        const seen = causal ? Math.min(keys, t + 1) : keys;
        const keyRow = (s: number) => (b * keys + s) * channels + h * width;
        const scores = Array.from({ length: seen }, (_, s) => {
          let score = 0;
          for (let c = 0; c < width; c++) score += q![row + c]! * k![keyRow(s) + c]!;
          return score / Math.sqrt(width);
        });
        const top = Math.max(...scores);
        const logTotal = top + Math.log(scores.reduce((total, score) => total + Math.exp(score - top), 0));
        for (let c = 0; c < width; c++) {
          out[row + c] = scores.reduce(
            (total, score, s) => total + Math.exp(score - logTotal) * v![keyRow(s) + c]!,
            0,
          );
        }
        lse[(b * heads + h) * queries + t] = logTotal;
      }
    }
  }
  return [tensor([batch, queries, channels], out), tensor([batch, heads, queries], lse)];
}

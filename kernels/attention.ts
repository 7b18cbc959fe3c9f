/**
 * Attention: `out = softmax(q kᵀ / √d) v` for each head, without storing the scores.
 *
 * q `[B, T, H*d]`, k and v `[B, S, H*d]` -> out `[B, T, H*d]`, lse `[B, H, T]` (the logarithm of the softmax's
 * denominator, from which the gradients recompute the probabilities); all f32, q, k and v perhaps halves, `d` a multiple of 4.
 * One invocation owns a few queries of one head and walks over the keys, a tile at a time, keeping for each query the
 * largest score so far, the sum of exponentials relative to it, and in `out` their weighted sum of values (online
 * softmax). Sums run over the keys in order, in f32. Called by the op `attention`.
 * @module
 */

import {
  attentionFlops,
  attentionOperands,
  type AttentionSpec,
  attentionTiles,
  isLarge,
  showAttention,
  type TileLimits,
} from "./attention_tiles.ts";
import { declare, type Kernel, literal, type Target } from "./kernel.ts";
import { tidy } from "./tidy.ts";

/** Smallest score: what a running maximum starts at, and the score of what must not be seen. */
const LOWEST = "-3.4028234e38";

/** The forward kernel. Bindings: q, k, v, out, lse. */
export function attention(spec: AttentionSpec, target: Target): Kernel {
  const { batch, heads, queries, keys, width, causal } = spec;
  const limits = limitsFor(spec, target);
  const operands = attentionOperands(spec);
  const tiles = attentionTiles(spec, "queries", limits, target);
  const { entry, meet, met, overColumns, overMet, overOwn, overPairs, own, sumMet } = tiles;
  const highest = (i: number) =>
    Array.from({ length: met }, (_, j) => `x_${i}_${j}`)
      .reduce((top, x) => `max(${top}, ${x})`, `peak_${i}`);
  const softmax = overOwn((i) =>
    `let top_${i} = ${highest(i)};
let fade_${i} = exp(peak_${i} - top_${i});
${overMet((j) => `x_${i}_${j} = exp(x_${i}_${j} - top_${i});`)}
total_${i} = total_${i} * fade_${i} + (${sumMet((j) => `x_${i}_${j}`)});
peak_${i} = top_${i};
let part_${i} = select(1.0, 1.0 / total_${i}, start + ${met}u >= end);`
  );
  const accumulate = tiles.store((i) =>
    `let before = select(vec4f(), out[row_${i} + c] * fade_${i}, start > 0u);
out[row_${i} + c] = (before + (${sumMet((j) => `x_${i}_${j} * v_${j}`)})) * part_${i};`
  );
  const store = tiles.store((i) =>
    `lse[(image * ${heads}u + head) * ${queries}u + own_${i}] = peak_${i} + log(total_${i});`
  );
  const code = tidy(`${
    declare([
      ...operands.buffers,
      { name: "out", type: "vec4f", access: "read_write" },
      { name: "lse", type: "f32", access: "read_write" },
    ])
  }

const scale = ${literal(1 / Math.sqrt(width))};

${entry}
${overOwn((i) => `var peak_${i} = ${LOWEST};\nvar total_${i} = 0.0;`)}
let end = ${causal ? `min(${keys}u, first + ${own}u)` : `${keys}u`};
for (var start = 0u; start < end; start += ${met}u) {
${meet}
${overPairs((i, j) => `var x_${i}_${j} = 0.0;`)}
${
    overColumns(`${overOwn((i) => `let q_${i} = ${operands.at("q", `row_${i} + c`)};`)}
${overMet((j) => `let k_${j} = ${operands.at("k", `col_${j} + c`)};`)}
${overPairs((i, j) => `x_${i}_${j} += dot(q_${i}, k_${j});`)}`)
  }
${overPairs((i, j) => `x_${i}_${j} = ${tiles.whereSeen(i, j, `x_${i}_${j} * scale`, LOWEST)};`)}
${softmax}
${overColumns(`${overMet((j) => `let v_${j} = ${operands.at("v", `col_${j} + c`)};`)}\n${accumulate}`)}
}
${store}
}
${operands.library}`);
  return {
    name: `attention ${showAttention(spec)}`,
    code,
    bindings: ["read", "read", "read", "read_write", "read_write"],
    workgroups: tiles.workgroups,
    flops: attentionFlops(spec, 2),
    bytes: 4 * batch * heads * (2 * (queries + keys) * width + queries),
    rounds: tiles.rounds,
  };
}

function limitsFor(spec: AttentionSpec, target: Target): TileLimits {
  if (!target.software) return { own: 2, met: 8 };
  return isLarge(spec) ? { own: 16, met: 16 } : { own: 8, met: 8 };
}

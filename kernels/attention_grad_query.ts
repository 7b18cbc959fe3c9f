/**
 * Gradient of attention with respect to its queries.
 *
 * q, ct, dq `[B, T, H*d]`, k and v `[B, S, H*d]`, lse `[B, H, T]`, delta `[B, T, H]` = the sum of ct·out over a head.
 * With `p = exp(q·k / √d - lse)`: `dq = Σ_s p (ct·v - delta) k / √d`; all f32, q, k and v perhaps halves.
 * One invocation owns a few queries of one head and walks over the keys in order, a tile at a time; nothing is stored
 * per pair, and the sums of earlier tiles wait in `dq`. Called by the op `attention_grad_query`.
 * @module
 */

import {
  attentionFlops,
  attentionOperands,
  type AttentionSpec,
  attentionTiles,
  gradientLimits,
  showAttention,
} from "./attention_tiles.ts";
import { declare, type Kernel, literal, type Target } from "./kernel.ts";
import { tidy } from "./tidy.ts";

/** The kernel. Bindings: q, k, v, ct, lse, delta, dq. */
export function attentionGradQuery(spec: AttentionSpec, target: Target): Kernel {
  const { batch, heads, queries, keys, width, causal } = spec;
  const operands = attentionOperands(spec);
  const tiles = attentionTiles(spec, "queries", gradientLimits(spec, target), target);
  const { entry, meet, met, overColumns, overMet, overOwn, overPairs, own, sumMet } = tiles;
  const slope = (i: number, j: number) => {
    const value = `exp(x_${i}_${j} * scale - lse_${i}) * (y_${i}_${j} - delta_${i}) * scale`;
    return `let s_${i}_${j} = ${tiles.whereSeen(i, j, value, "0.0")};`;
  };
  const accumulate = tiles.store((i) =>
    `let before = select(vec4f(), dq[row_${i} + c], start > 0u);
dq[row_${i} + c] = before + (${sumMet((j) => `s_${i}_${j} * key_${j}`)});`
  );
  const code = tidy(`${
    declare([
      ...operands.buffers,
      { name: "ct", type: "vec4f", access: "read" },
      { name: "lse", type: "f32", access: "read" },
      { name: "delta", type: "f32", access: "read" },
      { name: "dq", type: "vec4f", access: "read_write" },
    ])
  }

const scale = ${literal(1 / Math.sqrt(width))};

${entry}
${
    overOwn((i) =>
      `let lse_${i} = lse[(image * ${heads}u + head) * ${queries}u + own_${i}];
let delta_${i} = delta[(image * ${queries}u + own_${i}) * ${heads}u + head];`
    )
  }
let end = ${causal ? `min(${keys}u, first + ${own}u)` : `${keys}u`};
for (var start = 0u; start < end; start += ${met}u) {
${meet}
${overPairs((i, j) => `var x_${i}_${j} = 0.0;\nvar y_${i}_${j} = 0.0;`)}
${
    overColumns(
      `${overOwn((i) => `let q_${i} = ${operands.at("q", `row_${i} + c`)};\nlet ct_${i} = ct[row_${i} + c];`)}
${
        overMet((j) =>
          `let k_${j} = ${operands.at("k", `col_${j} + c`)};\nlet v_${j} = ${
            operands.at("v", `col_${j} + c`)
          };`
        )
      }
${overPairs((i, j) => `x_${i}_${j} += dot(q_${i}, k_${j});\ny_${i}_${j} += dot(ct_${i}, v_${j});`)}`,
    )
  }
${overPairs(slope)}
${overColumns(`${overMet((j) => `let key_${j} = ${operands.at("k", `col_${j} + c`)};`)}\n${accumulate}`)}
}
}
${operands.library}`);
  return {
    name: `attention_grad_query ${showAttention(spec)}`,
    code,
    bindings: ["read", "read", "read", "read", "read", "read", "read_write"],
    workgroups: tiles.workgroups,
    flops: attentionFlops(spec, 3),
    bytes: 4 * batch * heads * ((3 * queries + 2 * keys) * width + 2 * queries),
    rounds: tiles.rounds,
  };
}

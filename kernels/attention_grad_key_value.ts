/**
 * Gradients of attention with respect to its keys and values.
 *
 * q, ct `[B, T, H*d]`, k, v, dk, dv `[B, S, H*d]`, lse `[B, H, T]`, delta `[B, T, H]` = the sum of ct·out over a head.
 * With `p = exp(q·k / √d - lse)`: `dv = Σ_t p ct`, `dk = Σ_t p (ct·v - delta) q / √d`; all f32, q, k and v perhaps halves.
 * One invocation owns a few keys of one head and walks over all queries in order, a tile at a time, so no two write to
 * one place; the sums of earlier tiles wait in `dk` and `dv`. Called by the op `attention_grad_key_value`.
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

/** The kernel. Bindings: q, k, v, ct, lse, delta, dk, dv. */
export function attentionGradKeyValue(spec: AttentionSpec, target: Target): Kernel {
  const { batch, heads, queries, keys, width } = spec;
  const operands = attentionOperands(spec);
  const tiles = attentionTiles(spec, "keys", gradientLimits(spec, target), target);
  const { entry, meet, met, overColumns, overMet, overOwn, overPairs, sumMet } = tiles;
  const slope = (i: number, j: number) => {
    const value = `exp(x_${i}_${j} * scale - lse_${j})`;
    return `let p_${i}_${j} = ${tiles.whereSeen(i, j, value, "0.0")};
let s_${i}_${j} = p_${i}_${j} * (y_${i}_${j} - delta_${j}) * scale;`;
  };
  const accumulate = tiles.store((i) =>
    `let key = select(vec4f(), dk[row_${i} + c], start > 0u);
let value = select(vec4f(), dv[row_${i} + c], start > 0u);
dk[row_${i} + c] = key + (${sumMet((j) => `s_${i}_${j} * query_${j}`)});
dv[row_${i} + c] = value + (${sumMet((j) => `p_${i}_${j} * slope_${j}`)});`
  );
  const code = tidy(`${
    declare([
      ...operands.buffers,
      { name: "ct", type: "vec4f", access: "read" },
      { name: "lse", type: "f32", access: "read" },
      { name: "delta", type: "f32", access: "read" },
      { name: "dk", type: "vec4f", access: "read_write" },
      { name: "dv", type: "vec4f", access: "read_write" },
    ])
  }

const scale = ${literal(1 / Math.sqrt(width))};

${entry}
for (var start = 0u; start < ${queries}u; start += ${met}u) {
${meet}
${
    overMet((j) =>
      `let lse_${j} = lse[(image * ${heads}u + head) * ${queries}u + met_${j}];
let delta_${j} = delta[(image * ${queries}u + met_${j}) * ${heads}u + head];`
    )
  }
${overPairs((i, j) => `var x_${i}_${j} = 0.0;\nvar y_${i}_${j} = 0.0;`)}
${
    overColumns(`${
      overOwn((i) =>
        `let k_${i} = ${operands.at("k", `row_${i} + c`)};\nlet v_${i} = ${operands.at("v", `row_${i} + c`)};`
      )
    }
${overMet((j) => `let q_${j} = ${operands.at("q", `col_${j} + c`)};\nlet ct_${j} = ct[col_${j} + c];`)}
${overPairs((i, j) => `x_${i}_${j} += dot(k_${i}, q_${j});\ny_${i}_${j} += dot(v_${i}, ct_${j});`)}`)
  }
${overPairs(slope)}
${
    overColumns(
      `${
        overMet((j) =>
          `let query_${j} = ${operands.at("q", `col_${j} + c`)};\nlet slope_${j} = ct[col_${j} + c];`
        )
      }\n${accumulate}`,
    )
  }
}
}
${operands.library}`);
  return {
    name: `attention_grad_key_value ${showAttention(spec)}`,
    code,
    bindings: ["read", "read", "read", "read", "read", "read", "read_write", "read_write"],
    workgroups: tiles.workgroups,
    flops: attentionFlops(spec, 4),
    bytes: 4 * batch * heads * ((2 * queries + 4 * keys) * width + 2 * queries),
    rounds: tiles.rounds,
  };
}

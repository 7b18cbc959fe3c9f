/**
 * Gradient of a gather with respect to its table: `dtable[r, c] = Σ ct[i, c]` over the `i` with `ids[i] = r`.
 *
 * ids `[I]` u32, ct `[I, D]` f32 -> dtable `[V, D]`. Numbers beyond the table count for its last row, as they read it.
 * One invocation owns up to eight vectors of one row of the table and looks through all ids in order, so the sum has
 * one order and needs no atomics. Called by the op `gather_grad`.
 * @module
 */

import type { GatherSpec } from "./gather.ts";
import { oneEach } from "./grid.ts";
import { declare, type Kernel } from "./kernel.ts";
import { nestedRounds } from "./rounds.ts";
import { tidy } from "./tidy.ts";

/** The kernel. Bindings: ids, ct, dtable. */
export function gatherGrad({ rows, width, count }: GatherSpec): Kernel {
  const vector = width % 4 === 0 ? 4 : 1;
  const type = vector === 4 ? "vec4f" : "f32";
  const columns = width / vector;
  const owned = Math.min(8, columns);
  const parts = Math.ceil(columns / owned);
  const grid = oneEach(rows * parts, 64);
  const four = count % 4 === 0;
  const each = (body: (j: number) => string) => Array.from({ length: owned }, (_, j) => body(j)).join("\n");
  // The last part starts where it still fits; what two parts own, both compute alike.
  const look = (word: string, index: string) =>
    `if (min(${word}, ${rows - 1}u) == row) {
let at = (${index}) * ${columns}u + first;
${each((j) => `sum${j} += ct[at + ${j}u];`)}
}`;
  const body = four
    ? `let word = ids[i];
${["x", "y", "z", "w"].map((axis, j) => look(`word.${axis}`, `i * 4u + ${j}u`)).join("\n")}`
    : look("ids[i]", "i");
  const code = tidy(`${
    declare([
      { name: "ids", type: four ? "vec4u" : "u32", access: "read" },
      { name: "ct", type, access: "read" },
      { name: "dtable", type, access: "read_write" },
    ])
  }

${grid.entry}
let row = id / ${parts}u;
let first = min(id % ${parts}u * ${owned}u, ${columns - owned}u);
${each((j) => `var sum${j} = ${type}();`)}
for (var i = 0u; i < ${four ? count / 4 : count}u; i++) {
${body}
}
let to = row * ${columns}u + first;
${each((j) => `dtable[to + ${j}u] = sum${j};`)}
}`);
  return {
    name: `gather_grad ${count}x${width} to ${rows}`,
    code,
    bindings: ["read", "read", "read_write"],
    workgroups: grid.workgroups,
    flops: count * width,
    bytes: 4 * (count * (width + 1) + rows * width),
    rounds: nestedRounds(four ? count / 4 : count),
  };
}

/**
 * Copies rows of a table by number: `out[i, c] = table[ids[i], c]`.
 *
 * table `[V, D]` f32 or halves, ids `[I]` u32 -> out `[I, D]`. Numbers beyond the table read its last row.
 * One invocation copies one vector of a row. Called by the op `gather`.
 * @module
 */

import { libraryFor } from "./functions.ts";
import { oneEach } from "./grid.ts";
import { declare, type Kernel } from "./kernel.ts";
import { tidy } from "./tidy.ts";

/** A problem: `count` rows of `width` floats out of a table of `rows`. */
export interface GatherSpec {
  /** Rows of the table. */
  readonly rows: number;
  /** Floats of a row. */
  readonly width: number;
  /** Rows that are asked for. */
  readonly count: number;
  /** Whether the table is packed halves, its rows a multiple of 4 long (default no). */
  readonly halves?: boolean;
  /** The part of the table that is bound; default all of it. What is asked for of other parts is left alone. */
  readonly part?: { readonly first: number; readonly rows: number };
}

/** The kernel. Bindings: table, ids, out. */
export function gather({ rows, width, count, halves = false, part }: GatherSpec): Kernel {
  const vector = width % 4 === 0 ? 4 : 1;
  const type = vector === 4 ? "vec4f" : "f32";
  const columns = width / vector;
  const grid = oneEach(count * columns, 64);
  const row = `table[row * ${columns}u + id % ${columns}u]`;
  const value = halves ? `widened(${row})` : row;
  const from = part === undefined ? "" : ` - ${part.first}u`;
  // Below the part the difference wraps around, and is beyond it too.
  const guard = part === undefined ? "" : `if (row >= ${part.rows}u) { return; }\n`;
  const code = tidy(`${
    declare([
      { name: "table", type: halves ? "vec2u" : type, access: "read" },
      { name: "ids", type: "u32", access: "read" },
      { name: "out", type, access: "read_write" },
    ])
  }

${grid.entry}
let row = min(ids[id / ${columns}u], ${rows - 1}u)${from};
${guard}out[id] = ${value};
}
${libraryFor(value)}`);
  return {
    name: `gather ${count}x${width} of ${rows}${halves ? " halves" : ""}${
      part ? ` from ${part.first} to ${part.first + part.rows}` : ""
    }`,
    code,
    bindings: ["read", "read", "read_write"],
    workgroups: grid.workgroups,
    flops: 0,
    bytes: count * ((halves ? 6 : 8) * width + 4),
    rounds: 0,
  };
}

/**
 * Adds the chunks of a product whose k was split, in the order of k.
 *
 * `out[m, n] = Σ_s partial[s, m, n]`; one invocation adds four columns of a row. Called by every split gemm.
 * @module
 */

import type { Epilogue } from "./expression.ts";
import { gemm } from "./gemm.ts";
import { columnsAlongRow, typeOf } from "./gemm_load.ts";
import type { Kernel } from "./kernel.ts";
import { nestedRounds } from "./rounds.ts";

/** What is added. */
export interface GemmSum {
  /** For the kernel's name. */
  readonly name: string;
  /** Rows of the output. */
  readonly rows: number;
  /** Columns of the output. */
  readonly columns: number;
  /** Chunks. */
  readonly parts: number;
  /** Elementwise work before storing. */
  readonly epilogue: Epilogue | null;
}

/** Writes the kernel; the scratch memory is bound last. */
export function gemmSum({ name, rows, columns, parts, epilogue }: GemmSum): Kernel {
  const lanesX = [16, 8, 4, 2, 1].find((lanes) => lanes * 4 <= Math.max(columns, 4))!;
  const tile = { rows: 1, columns: 4, lanesX, lanesY: 64 / lanesX };
  const partial = { name: "partial", width: columns };
  const load = columnsAlongRow(partial, tile, 1, () => `(s * ${rows}u + m0)`);
  return gemm({
    name: `${name} sum of ${parts}`,
    rows,
    columns,
    tile,
    inputs: [],
    scratch: { name: partial.name, type: typeOf(partial) },
    body: [`for (var s = 0u; s < ${parts}u; s++) {\n  ${load.code}\n  c0_0 += ${load.at(0, 0)};\n}`],
    store: { epilogue, rows },
    flops: rows * columns * (parts - 1),
    bytes: 4 * rows * columns * (parts + 1),
    rounds: nestedRounds(parts),
  });
}

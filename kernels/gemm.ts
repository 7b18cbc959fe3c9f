/**
 * The shared frame of matmul and convolution kernels: which outputs an invocation owns, and the product of one step.
 *
 * `out[m, n] = Σ_k a[m, k] b[k, n]`. An invocation owns `tile.rows` rows and `tile.columns` columns of `out` in vec4
 * accumulators `c{i}_{j}`, `tile.lanesX` invocations side by side along the columns and `tile.lanesY` along the rows.
 * There are `parts` such outputs, numbered by the variable `part` (chunks of k, or classes of pixels). No memory is
 * shared; the generator unrolls everything but k. Where workgroups are a processor's vectors, an invocation's columns lie
 * side by side; elsewhere its fours take turns with those of its neighbours.
 *
 * The order in which an output's products are added depends on nothing but k: one step of four is
 * `c += a0 b0 + a1 b1 + a2 b2 + a3 b3`, whatever the tile and however many rows there are.
 * @module
 */

import { libraryFor } from "./functions.ts";
import { type Access, declare, type Kernel, spread, type Tile } from "./kernel.ts";
import { fourStride, neighbourStride } from "./tile_columns.ts";
import { type Store, store } from "./gemm_store.ts";
import { tidy } from "./tidy.ts";

/** What a kernel of the family adds to the frame. */
export interface Gemm {
  /** For the kernel's name. */
  readonly name: string;
  /** Rows of one part. */
  readonly rows: number;
  /** Columns of the output. */
  readonly columns: number;
  /** What an invocation owns. */
  readonly tile: Tile;
  /** Independent outputs of `rows` by `columns` each. */
  readonly parts?: number;
  /** The operands, in binding order. */
  readonly inputs: readonly Buffer[];
  /** Scratch memory that is read; bound last. */
  readonly scratch?: Buffer;
  /** Statements that add to the accumulators; they see `part`, `m{i}` (rows), `n{j}` (columns in fours), all clamped. */
  readonly body: readonly string[];
  /** Where the result goes. */
  readonly store: Store;
  /** Floating-point operations. */
  readonly flops: number;
  /** Bytes of operands and result. */
  readonly bytes: number;
  /** Rounds of the body's loops. */
  readonly rounds: number;
}

/** A buffer that is read. */
export interface Buffer {
  /** Its variable. */
  readonly name: string;
  /** Floats, or fours of them, or fours of halves, or words of two halves. */
  readonly type: "f32" | "vec4f" | "vec2u" | "u32";
}

/** Kernels of one product: usually one; two where k is split in chunks whose sums go through scratch memory. */
export interface GemmKernels {
  /** Multiplies. Bound to inputs, then epilogue operands and output; or, where `sum` is there, inputs and scratch. */
  readonly product: Kernel;
  /** Adds the chunks in order. Bound to epilogue operands, output, scratch. */
  readonly sum: Kernel | null;
  /** Floats of scratch memory. */
  readonly scratch: number;
}

/** Writes the kernel. */
export function gemm(spec: Gemm): Kernel {
  const { rows, columns, tile, parts = 1 } = spec;
  const { statements, epilogue, type } = store(spec);
  const buffers = [
    ...spec.inputs.map((input) => ({ ...input, access: "read" as Access })),
    ...epilogue.map((operand) => ({ ...operand, access: "read" as Access })),
    { name: "out", type, access: "read_write" as Access },
    ...spec.scratch ? [{ ...spec.scratch, access: "read" as Access }] : [],
  ];
  const across = Math.ceil(columns / (tile.columns * tile.lanesX));
  const down = Math.ceil(rows / (tile.rows * tile.lanesY));
  const workgroups = spread(across * down * parts);
  const fours = Math.ceil(columns / 4);
  const main = `
@compute @workgroup_size(${tile.lanesX * tile.lanesY})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = group.x${workgroups[1] > 1 ? ` + group.y * ${workgroups[0]}u` : ""};
  if (block >= ${across * down * parts}u) { return; }
  let part = block / ${across * down}u;
  let m = (block / ${across}u % ${down}u * ${tile.lanesY}u + lane / ${tile.lanesX}u) * ${tile.rows}u;
  let n = block % ${across}u * ${tile.lanesX * tile.columns / 4}u + lane % ${tile.lanesX}u * ${
    neighbourStride(tile)
  }u;
  ${each(tile.rows, (i) => `let m${i} = min(m + ${i}u, ${rows - 1}u);`)}
  ${each(tile.columns / 4, (j) => `let n${j} = min(n + ${j * fourStride(tile)}u, ${fours - 1}u);`)}
  ${cells(tile, (i, j) => `var c${i}_${j} = vec4f();`)}
  ${spec.body.join("\n  ")}
  ${statements.join("\n  ")}
}
`;
  return {
    name: spec.name,
    code: tidy([declare(buffers), libraryFor(main), main].join("\n")),
    bindings: buffers.map(({ access }) => access),
    workgroups,
    flops: spec.flops,
    bytes: spec.bytes,
    rounds: spec.rounds,
  };
}

/**
 * One step: `count` products added to every accumulator.
 *
 * @param a The value of row `i` at the step's `k`-th index.
 * @param b Four columns, the `j`-th four, at the step's `k`-th index.
 */
export function multiply(
  tile: Tile,
  count: number,
  a: (i: number, k: number) => string,
  b: (k: number, j: number) => string,
): string {
  return cells(
    tile,
    (i, j) => `c${i}_${j} += ${indices(count).map((k) => `${a(i, k)} * ${b(k, j)}`).join(" + ")};`,
  );
}

/**
 * A loop over `k` from 0 to a literal depth in steps of four, and what remains.
 *
 * @param step Writes the statements for so many indices from the variable `k`.
 */
export function loop(depth: number, step: (count: number) => string): string[] {
  const whole = depth - depth % 4;
  return [
    ...whole > 0 ? [`for (var k = 0u; k < ${whole}u; k += 4u) {\n${step(4)}\n}`] : [],
    ...whole < depth ? [`{ let k = ${whole}u;\n${step(depth - whole)}\n}`] : [],
  ];
}

/** How often the loop over a depth goes round. */
export function steps(depth: number): number {
  return Math.floor(depth / 4);
}

/** The integers below a count. */
export function indices(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** A line for each index. */
export function each(count: number, line: (i: number) => string): string {
  return indices(count).map(line).join("\n  ");
}

function cells(tile: Tile, line: (i: number, j: number) => string): string {
  return each(tile.rows, (i) => each(tile.columns / 4, (j) => line(i, j)));
}

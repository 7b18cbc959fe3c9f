/**
 * What the three attention kernels share: the problem, and tiles of queries and keys of one head.
 *
 * An invocation owns a few rows of one sequence and walks over the other sequence by as many rows again. The products
 * of all pairs in such a tile are accumulated in registers, written out by the generator, while the shader loops over
 * the columns; so a kernel's length and compile time do not depend on the width of a head.
 * @module
 */

import { fourAt, storedVector } from "./access.ts";
import { libraryFor } from "./functions.ts";
import { oneEach } from "./grid.ts";
import type { Access, Target } from "./kernel.ts";
import { MOST_ROUNDS, nestedRounds } from "./rounds.ts";

/** An attention problem: q `[batch, queries, heads * width]`, k and v `[batch, keys, heads * width]`. */
export interface AttentionSpec {
  /** Sequences side by side. */
  readonly batch: number;
  /** Heads side by side in the channels. */
  readonly heads: number;
  /** Length of the sequence that asks. */
  readonly queries: number;
  /** Length of the sequence that answers. */
  readonly keys: number;
  /** Floats of one head, a multiple of 4. */
  readonly width: number;
  /** Whether query `t` sees the keys `s <= t` only. */
  readonly causal: boolean;
  /** Which of q, k and v are packed halves; default none. */
  readonly halves?: readonly ("q" | "k" | "v")[];
}

/** How q, k and v are declared, and a four of one of them read. */
export function attentionOperands({ halves = [] }: AttentionSpec) {
  const dtype = (name: "q" | "k" | "v") => halves.includes(name) ? "f16" : "f32";
  return {
    buffers: (["q", "k", "v"] as const).map((name) => ({
      name,
      type: storedVector(dtype(name)),
      access: "read" as Access,
    })),
    at: (name: "q" | "k" | "v", position: string) => fourAt(name, position, dtype(name)),
    library: halves.length > 0 ? libraryFor("widened(") : "",
  };
}

/** How the pairs of two sequences are tiled, and the text to work on a tile. */
export interface AttentionTiles {
  /** Rows an invocation owns. */
  readonly own: number;
  /** Rows of the other sequence that it meets at a time. */
  readonly met: number;
  /** Rounds of an invocation's loops: over what it meets, and over the columns twice each time. */
  readonly rounds: number;
  /** Workgroups to start. */
  readonly workgroups: readonly [number, number, number];
  /** The opening of `main`; declares `image`, `head`, `first` (the first row owned) and, for each, `own_i` and `row_i`. */
  readonly entry: string;
  /** Declares for a tile that begins at `start` each row met, `met_j`, and its position, `col_j`. */
  readonly meet: string;
  /** A loop over the `vec4f` columns `c` of a head. */
  readonly overColumns: (body: string) => string;
  /** A statement for each row owned. */
  readonly overOwn: (body: (i: number) => string) => string;
  /** A statement for each row met. */
  readonly overMet: (body: (j: number) => string) => string;
  /** A statement for each pair. */
  readonly overPairs: (body: (i: number, j: number) => string) => string;
  /** The sum of an expression over the rows met, in order. */
  readonly sumMet: (term: (j: number) => string) => string;
  /** As `overOwn`, but not for rows beyond the end. */
  readonly store: (body: (i: number) => string) => string;
  /** A value, or another where the query does not see the key or the row met is beyond the end. */
  readonly whereSeen: (i: number, j: number, value: string, otherwise: string) => string;
}

/** At most how many rows an invocation owns, and meets at a time. */
export interface TileLimits {
  /** Rows owned. */
  readonly own: number;
  /** Rows met at a time. */
  readonly met: number;
}

/**
 * Tiles the pairs of queries and keys.
 *
 * The tiles, and so the order of every sum, depend on the shapes of one batch element, never on the batch.
 *
 * @param owner The sequence whose rows are owned; those of the other are met.
 */
export function attentionTiles(
  spec: AttentionSpec,
  owner: "queries" | "keys",
  limits: TileLimits,
  target: Target,
): AttentionTiles {
  const { heads, causal } = spec;
  const [length, otherLength] = owner === "queries" ? [spec.queries, spec.keys] : [spec.keys, spec.queries];
  const columns = spec.width / 4;
  const stride = heads * columns;
  const own = even(length, limits.own);
  const met = even(otherLength, limits.met);
  const blocks = Math.ceil(length / own);
  const tiles = Math.ceil(otherLength / met);
  const unrolled = columnsAtOnce(columns, tiles);
  const grid = oneEach(spec.batch * heads * blocks, target.software ? 8 : 64);
  const overOwn = (body: (i: number) => string) => list(own, body).join("\n");
  const overMet = (body: (j: number) => string) => list(met, body).join("\n");
  const hidden = (i: number, j: number) =>
    [
      ...(causal ? [owner === "queries" ? `start + ${j}u > own_${i}` : `own_${i} > start + ${j}u`] : []),
      ...(otherLength % met === 0 ? [] : [`start + ${j}u >= ${otherLength}u`]),
    ].join(" || ");
  const rows = overOwn((i) =>
    `let own_${i} = min(first + ${i}u, ${length - 1}u);
let row_${i} = (image * ${length}u + own_${i}) * ${stride}u + head * ${columns}u;`
  );
  const meet = overMet((j) =>
    `let met_${j} = min(start + ${j}u, ${otherLength - 1}u);
let col_${j} = (image * ${otherLength}u + met_${j}) * ${stride}u + head * ${columns}u;`
  );
  return {
    own,
    met,
    rounds: roundsOf(tiles, columns / unrolled),
    workgroups: grid.workgroups,
    entry: `${grid.entry}
let first = id % ${blocks}u * ${own}u;
let head = id / ${blocks}u % ${heads}u;
let image = id / ${blocks * heads}u;
${rows}`,
    meet,
    overColumns: (body) =>
      `for (var c = 0u; c < ${columns}u;) {\n${`{\n${body}\n}\nc++;\n`.repeat(unrolled)}}`,
    overOwn,
    overMet,
    overPairs: (body) => overOwn((i) => overMet((j) => body(i, j))),
    sumMet: (term) => list(met, term).join(" + "),
    store: (body) => overOwn((i) => `if (first + ${i}u < ${length}u) {\n${body(i)}\n}`),
    whereSeen: (i, j, value, otherwise) =>
      hidden(i, j) === "" ? value : `select(${value}, ${otherwise}, ${hidden(i, j)})`,
  };
}

/** Columns that a round of a loop takes: the fewest, a divisor of all, that keep an invocation's rounds in bounds. */
function columnsAtOnce(columns: number, tiles: number): number {
  const isEnough = (count: number) => roundsOf(tiles, columns / count) <= MOST_ROUNDS;
  let count = 1;
  while (count < columns && (columns % count !== 0 || !isEnough(count))) count++;
  return count;
}

/** Rounds of a loop over tiles with two loops of so many rounds in it: for the products of pairs, and for the sums. */
function roundsOf(tiles: number, columns: number): number {
  return tiles * (1 + 2 * nestedRounds(columns)) + 1;
}

/** Whether a problem is worth the long compilation of large tiles; a matter of one batch element alone. */
export function isLarge({ heads, queries, keys, width }: AttentionSpec): boolean {
  return heads * queries * keys * width >= 2 ** 22;
}

/** The tiles of the gradients, which keep two numbers for each pair. */
export function gradientLimits(spec: AttentionSpec, target: Target): TileLimits {
  if (!target.software) return { own: 2, met: 4 };
  return isLarge(spec) ? { own: 8, met: 16 } : { own: 8, met: 8 };
}

/** Floating-point operations of `products` matrix products over all pairs of a query and a key. */
export function attentionFlops(spec: AttentionSpec, products: number): number {
  const { batch, heads, queries, keys, width, causal } = spec;
  return 2 * products * batch * heads * queries * keys * width * (causal ? 0.5 : 1);
}

/** The shapes of a problem, for the names of kernels. */
export function showAttention(
  { batch, heads, queries, keys, width, causal, halves = [] }: AttentionSpec,
): string {
  const stored = halves.length > 0 ? ` halves ${halves.join("")}` : "";
  return `${batch}x${heads}x${queries}x${keys}x${width}${causal ? " causal" : ""}${stored}`;
}

/** The extent of tiles that cut a length in as few as `most` allows, all about as long. */
function even(length: number, most: number): number {
  return Math.ceil(length / Math.ceil(length / most));
}

function list(count: number, item: (i: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => item(i));
}

/**
 * Which tile an invocation of a gemm owns, and in how many chunks a long sum is cut, unless a tuner knows better.
 *
 * On a software adapter a vector of eight lanes runs on one core, a load costs as much as eighty products, and a large
 * kernel takes a second to compile; so tiles are ranked by a model of the time of many runs and one compilation.
 * @module
 */

import type { Target, Tile } from "./kernel.ts";
import { MOST_ROUNDS } from "./rounds.ts";

/** Changes when kernels do, so that what was tuned for others is not used. */
export const KERNELS_VERSION = 4;

/** A gemm to choose for. */
export interface Problem {
  /** Rows of the output. */
  readonly rows: number;
  /** Columns of the output. */
  readonly columns: number;
  /** Products summed for each output. */
  readonly depth: number;
  /** Chunks the depth is cut in (default 1). */
  readonly parts?: number;
  /** Operands of the epilogue that are read anew for every row (default 0). */
  readonly reads?: number;
}

/** Floats of partial sums at the most, where they are kept for the cache's sake. */
const MOST_PARTIAL = 2 ** 23;
/** Tiles worth timing, none twice of the same size. */
const MOST_CANDIDATES = 4;

/** A tile for a problem. */
export function defaultTile(problem: Problem, target: Target): Tile {
  return candidateTiles(problem, target)[0]!;
}

/** Tiles worth timing, the default first; all give the same bits. */
export function candidateTiles(problem: Problem, target: Target): readonly Tile[] {
  return target.software ? softwareTiles(problem) : hardwareTiles(problem);
}

/**
 * Chunks for a sum over the samples of a batch, as weight gradients are: enough that small outputs fill the adapter, and on a
 * software adapter so short that the factors of large products stay in a core's cache (8192 x 1280 -> 320: 26 % of the peak, 18 %
 * without).
 *
 * A function of the problem alone, so that the tile never changes a bit.
 */
export function defaultParts({ rows, columns, depth }: Problem, { software }: Target): number {
  const [outputs, invocations, least] = software ? [128, 64, 1024] : [32, 16384, 64];
  const filling = Math.ceil(invocations / Math.ceil(rows * columns / outputs));
  const isLarge = software && rows * columns * depth >= 2 ** 28;
  const caching = isLarge
    ? Math.min(Math.round(depth / 1024), Math.floor(MOST_PARTIAL / (rows * columns)))
    : 1;
  const fewest = Math.ceil(depth / (4 * (MOST_ROUNDS - 1)));
  return Math.max(fewest, 1, Math.min(Math.max(filling, caching), Math.floor(depth / least), 256));
}

/** Rows and columns of software tiles; of equal estimates the earlier wins. */
const SOFTWARE_SIZES = [
  // Small ones compile at once, the largest in three to five seconds.
  [8, 8],
  [8, 16],
  [16, 8],
  [16, 16],
  [8, 4],
  [16, 4],
  [4, 8],
  [4, 16],
  [4, 4],
  [32, 16],
  [32, 32],
] as const;
/** Their lanes along columns and rows; of equal estimates the squarer workgroup wins. */
const SOFTWARE_LANES = [[2, 4], [4, 2], [1, 8], [8, 1]] as const;

function softwareTiles(problem: Problem): Tile[] {
  const best = SOFTWARE_SIZES.map(([rows, columns]) => {
    const tiles = SOFTWARE_LANES.map(([lanesX, lanesY]): Tile => ({ rows, columns, lanesX, lanesY }))
      .toSorted((a, b) => oblongness(a) - oblongness(b));
    return tiles.reduce((a, b) => softwareCost(problem, b) < softwareCost(problem, a) ? b : a);
  });
  return best
    .toSorted((a, b) => softwareCost(problem, a) - softwareCost(problem, b))
    .slice(0, MOST_CANDIDATES);
}

/** How far a workgroup's outputs are from a square, which loads the least for them. */
function oblongness({ rows, columns, lanesX, lanesY }: Tile): number {
  return Math.abs(Math.log2(rows * lanesY / (columns * lanesX)));
}

/**
 * Estimated nanoseconds, from timings on a machine of two cores, of compiling once and running as often as a short training run does.
 *
 * What compiles slowly are loads and stores, some 8 ms each: 16 x 16 takes 0.7 s, with a residual to add 1.6 s.
 */
function softwareCost({ rows, columns, depth, parts = 1, reads = 0 }: Problem, tile: Tile): number {
  const runs = 1000, cores = 2;
  const outputs = tile.rows * tile.columns;
  const down = Math.ceil(rows / (tile.rows * tile.lanesY));
  const across = Math.ceil(columns / (tile.columns * tile.lanesX));
  const step = 24 * tile.rows + 18 * tile.columns + 1.9 * outputs;
  const group = 700 + Math.ceil(depth / parts / 4) * step + 10 * outputs;
  const accesses = tile.rows + tile.columns + outputs / 4 * (1 + reads);
  const compile = 5e6 * accesses + 3e4 * accesses ** 2;
  return runs * (down * across * parts / cores + 0.5) * group + compile;
}

function hardwareTiles({ rows, columns, parts = 1 }: Problem): Tile[] {
  const many = rows * columns * parts >= 32 * 8192;
  const sizes = many ? [[8, 4], [8, 8], [4, 4]] as const : [[4, 4], [8, 4], [4, 8]] as const;
  return sizes.map(([tileRows, tileColumns]) => {
    const lanesX = [1, 2, 4, 8].find((lanes) => lanes === 8 || lanes * tileColumns >= columns)!;
    return { rows: tileRows, columns: tileColumns, lanesX, lanesY: 64 / lanesX };
  });
}

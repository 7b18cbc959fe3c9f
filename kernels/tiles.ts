/**
 * Which tile an invocation of a gemm owns, and in how many chunks a long sum is cut, unless a tuner knows better.
 * @module
 */

import type { Target, Tile } from "./kernel.ts";

/** A gemm to choose for. */
export interface Problem {
  /** Rows of the output. */
  readonly rows: number;
  /** Columns of the output. */
  readonly columns: number;
  /** Products summed for each output. */
  readonly depth: number;
}

/** A tile for a problem. */
export function defaultTile(problem: Problem, target: Target): Tile {
  return candidateTiles(problem, target)[0]!;
}

/** Tiles worth timing, the default first. */
export function candidateTiles({ rows, columns }: Problem, target: Target): readonly Tile[] {
  return [{ rows: 8, columns: 8, lanesX: 1, lanesY: 8 }];
}

/** Chunks for the sums of a weight gradient. */
export function defaultParts(_problem: Problem, _target: Target): number {
  return 1;
}

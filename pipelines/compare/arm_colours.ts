/**
 * How an arm looks in all figures.
 *
 * @module
 */

import { PALETTE_SIZE } from "../report/outcome.ts";

/** A line's look. */
export interface Look {
  /** A colour of the page. */
  readonly colour: string;
  /** Its dashes; absent where it is whole. */
  readonly dashes?: string;
}

/** The dashes of the arms that colours do not suffice for. */
const DASHES: readonly string[] = ["6 3", "2 3"];

/** The look of an arm by its number. */
export function lookOf(index: number): Look {
  const round = Math.floor(index / PALETTE_SIZE);
  const dashes = round === 0 ? undefined : DASHES[(round - 1) % DASHES.length];
  return { colour: `var(--reward-${index % PALETTE_SIZE})`, ...dashes !== undefined && { dashes } };
}

/**
 * How the guard ended a run, as figures mark it.
 *
 * @module
 */

import { type Ending, endingIn, rolledBackTo } from "../run/ending.ts";
import type { LinesOptions } from "./lines.ts";
import { type EpochFile, epochOf, type Run } from "./read_run.ts";

/** How the guard ended a run; `null` where it did not. */
export function endingOf({ lines }: Run): Ending | null {
  return endingIn(lines.at(-1));
}

/** The best checkpoint and the end, where the guard ended the run; nothing else. */
export function guardMarks(run: Run): NonNullable<LinesOptions["events"]> {
  const ending = endingOf(run);
  if (ending === null) return [];
  const [first, last] = [run.lines[0]!, run.lines.at(-1)!].map(epochOf) as [number, number];
  const best = ending.best?.epoch ?? last;
  // Labels of neighbours would cover each other.
  const isNear = last - best < (last - first) / 5;
  return [
    ...best === last ? [] : [{ x: best, label: isNear ? "" : "best" }],
    { x: last, label: "guard" },
  ];
}

/** The checkpoint that other tasks take for the run, as `presentedCheckpoint` finds it; `undefined`: there is none. */
export function presentedOf(run: Run): EpochFile | undefined {
  const best = rolledBackTo(endingOf(run));
  return run.checkpoints.find(({ epoch }) => epoch === best) ?? run.checkpoints.at(-1);
}

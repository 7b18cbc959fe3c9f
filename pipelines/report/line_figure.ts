/**
 * Figures of numbers that each epoch logs.
 *
 * @module
 */

import type { Figure } from "./figure.ts";
import { guardMarks } from "./guard_marks.ts";
import { drawLines, type Line, type LinesOptions } from "./lines.ts";
import { epochOf, type Run } from "./read_run.ts";
import { at, numberAt, type Tree } from "./tree.ts";

/** What a figure shows. */
export interface LineFigure {
  /** What it shows, in short. */
  readonly title: string;
  /** How to read it. */
  readonly note: string;
  /** Its lines; those without points are left out. */
  readonly lines: readonly Line[];
  /** How it is drawn. */
  readonly options: Omit<LinesOptions, "title">;
  /** The field to name where no line has points. */
  readonly field: string;
}

/** Makes a figure; where there is nothing to draw it says so. */
export function lineFigure(
  run: Run,
  { title, note, lines: drawn, options, field }: LineFigure,
): Figure {
  const shown = drawn.filter(({ points }) => points.length > 0);
  // Epochs can be marked only where they are what is across.
  const marks = options.across === undefined ? guardMarks(run) : [];
  return {
    title,
    note,
    drawing: shown.length === 0
      ? null
      : drawLines(shown, { ...options, title, events: [...options.events ?? [], ...marks] }),
    missing: missingField(run.lines, field),
  };
}

/** Says why a field is nowhere. */
export function missingField(lines: readonly Tree[], field: string): string {
  return lines.every((line) => epochOf(line) === 0)
    ? "No epoch has been trained yet."
    : `No line of metrics.jsonl has ${field}.`;
}

/** The line of the first path that leads to a number in each epoch. */
export function lineAt(
  run: Run,
  label: string,
  colour: string,
  ...paths: readonly (readonly string[])[]
): Line {
  return line(
    run,
    label,
    colour,
    (tree) => paths.map((path) => numberAt(tree, ...path)).find((v) => v !== undefined),
  );
}

/** The values of each denoising step at the first and the last epoch that has any, from noise to image. */
export function stepLines({ lines }: Run, ...path: readonly string[]): readonly Line[] {
  const logged = lines.flatMap((tree) => {
    const values = at(tree, ...path);
    const points = !Array.isArray(values)
      ? []
      : values.flatMap((value, i) => typeof value === "number" ? [{ x: i + 1, value }] : []);
    return points.length === 0 ? [] : [{ label: `epoch ${epochOf(tree)}`, points }];
  });
  const last = logged.at(-1);
  return last === undefined ? [] : [
    ...logged.length > 1 ? [{ ...logged[0]!, colour: "var(--muted)" }] : [],
    { ...last, colour: "var(--ink)", isBold: true },
  ];
}

/** The line of a number of each epoch. */
export function line(
  { lines }: Run,
  label: string,
  colour: string,
  valueOf: (line: Tree) => number | undefined,
): Line {
  const points = lines.flatMap((tree) => {
    const value = valueOf(tree);
    return value === undefined ? [] : [{ x: epochOf(tree), value }];
  });
  return { label, colour, points };
}

/**
 * The figure of the trained reward, of several the first, on prompts that training draws and on others.
 *
 * @module
 */

import type { Figure } from "./figure.ts";
import { line, lineFigure } from "./line_figure.ts";
import { ZERO } from "./lines.ts";
import { LEAST_ERRORS, trainedRewards } from "./measure.ts";
import type { Run } from "./read_run.ts";
import { numberAt, type Tree } from "./tree.ts";
import { showError, showSigned } from "./words.ts";

/** Nothing where unseen prompts were not evaluated. */
export function seenFigure(run: Run): readonly Figure[] {
  const reward = trainedRewards(run)[0] ?? "";
  const base = run.lines.find((tree) => numberAt(tree, "evaluation", "rewards", reward, "std") !== undefined);
  const std = numberAt(base, "evaluation", "rewards", reward, "std");
  const of = (label: string, colour: string, ...below: readonly string[]) =>
    line(run, label, colour, (tree) => {
      const place = ["evaluation", ...below, "rewards", reward];
      if (!std || numberAt(tree, ...place, "mean") === undefined) return undefined;
      return tree === base ? 0 : divided(numberAt(tree, ...place, "change"), std);
    });
  const unseen = of("unseen", "var(--muted)", "unseen");
  if (unseen.points.length < 2) return [];
  return [lineFigure(run, {
    title: "Seen and unseen prompts",
    note: `The trained reward’s gain on seen and unseen prompts, in base standard deviations of the seen.${
      gapRemark(run)
    }`,
    lines: [{ ...of("seen", "var(--ink)"), isBold: true }, unseen],
    options: { reach: [-0.5, 0.5], show: showSigned, levels: [ZERO] },
    field: "evaluation",
  })];
}

function gapRemark({ lines }: Run): string {
  const gaps = lines.flatMap((tree: Tree) => {
    const [gap, error] = ["mean", "standard_error"].map((field) =>
      numberAt(tree, "evaluation", "seen_gap", field)
    );
    return gap === undefined ? [] : [{ gap, error }];
  });
  const last = gaps.at(-1);
  if (last === undefined) return "";
  const { gap, error } = last;
  const isNoise = error !== undefined && Math.abs(gap) <= LEAST_ERRORS * error;
  const size = `${showSigned(gap)}${error === undefined ? "" : ` ± ${showError(error)}`}`;
  return ` Seen ones gained ${size} more${isNoise ? ", which may be noise" : ""}.`;
}

function divided(x: number | undefined, y: number): number | undefined {
  return x === undefined ? undefined : x / y;
}

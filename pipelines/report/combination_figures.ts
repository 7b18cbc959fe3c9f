/**
 * The figures of several training rewards: what they come to, and what constraints cost.
 *
 * @module
 */

import type { CombineMode } from "../../lib/stages/combine/combination.ts";
import type { Figure } from "./figure.ts";
import { lineAt, lineFigure } from "./line_figure.ts";
import { type Line, ZERO } from "./lines.ts";
import { combiningIn } from "./combined_gains.ts";
import { rewardNames, trainedRewards } from "./measure.ts";
import { PALETTE_SIZE } from "./outcome.ts";
import type { Run } from "./read_run.ts";

/** All of them; none where there is one training reward. */
export function combinationFigures(run: Run): readonly Figure[] {
  const trained = trainedRewards(run);
  if (trained.length < 2) return [];
  const { combine } = combiningIn(run.config);
  const figures = [combinedFigure(run, combine)];
  return combine === "constraints"
    ? [...figures, slackFigure(run, trained.slice(1)), multiplierFigure(run, trained.slice(1))]
    : figures;
}

const WAYS: Readonly<Record<CombineMode, string>> = {
  weighted_z: "the weighted mean of what each is above its own mean so far",
  per_reward:
    "the weighted mean of the rewards, each normalised on its own; it tells of agreement, not of progress",
  constraints: "the first above its mean so far, and what constraints add",
  worst_case: "the worst of what each is above its own mean so far",
};

function combinedFigure(run: Run, combine: CombineMode): Figure {
  return lineFigure(run, {
    title: "What the training rewards come to",
    note: `In deviations, over each epoch’s samples: ${WAYS[combine]}.`,
    lines: [
      { ...lineAt(run, "mean", "var(--ink)", ["combined", "mean"]), isBold: true },
      lineAt(run, "deviation", "var(--muted)", ["combined", "std"]),
    ],
    options: { reach: [0], levels: [ZERO] },
    field: "combined",
  });
}

function slackFigure(run: Run, constrained: readonly string[]): Figure {
  return lineFigure(run, {
    title: "Constraints",
    note:
      "How far the samples’ mean is above the level that each reward has to keep, in deviations; below 0 it is missed.",
    lines: linesOf(run, constrained, "slack"),
    options: { reach: [0], levels: [{ value: 0, label: "level" }] },
    field: "constraints",
  });
}

function multiplierFigure(run: Run, constrained: readonly string[]): Figure {
  return lineFigure(run, {
    title: "What constraints cost",
    note:
      "The multiplier of each: how many deviations of the first reward one deviation of this is worth, from the next epoch on.",
    lines: linesOf(run, constrained, "multiplier"),
    options: { reach: [0] },
    field: "constraints",
  });
}

/** A number of each constraint, in its reward's colour. */
function linesOf(run: Run, constrained: readonly string[], field: string): readonly Line[] {
  const names = rewardNames(run);
  return constrained.map((name) =>
    lineAt(run, name, `var(--reward-${names.indexOf(name) % PALETTE_SIZE})`, ["constraints", name, field])
  );
}

/**
 * The figures of the critic: what it foresees, and how much of it is awake.
 *
 * @module
 */

import { methods } from "../../lib/methods/mod.ts";
import type { Figure } from "./figure.ts";
import { line, lineAt, lineFigure, stepLines } from "./line_figure.ts";
import { ZERO } from "./lines.ts";
import { epochOf, type Run } from "./read_run.ts";
import { at, keysAt, numberAt, textAt } from "./tree.ts";
import { counted, enumerate, showNumber, showShare } from "./words.ts";

/** Explained variances below this are cut off: an untrained critic may be arbitrarily wrong. */
const LEAST_VARIANCE = -1;

/** All of them, in order; none where the run's method has no critic. */
export function criticFigures(run: Run): readonly Figure[] {
  const method = methods.find(({ name }) => name === textAt(run.config, "method"));
  if (method?.hasCritic === false) return [];
  return [
    varianceFigure(run),
    varianceByStepFigure(run),
    dormancyFigure(run),
    rankFigure(run),
    ...plasticityFigure(run),
  ];
}

function varianceFigure(run: Run): Figure {
  const variance = lineAt(run, "critic", "var(--ink)", ["critic_explained_variance"]);
  const isCut = variance.points.some(({ value }) => value < LEAST_VARIANCE);
  return lineFigure(run, {
    title: "What the critic foresees",
    note:
      `Its explained variance when sampling: at 1 it knows each image’s reward beforehand, at 0 no more than the mean.${
        isCut ? ` What is below ${showNumber(LEAST_VARIANCE)} is cut off.` : ""
      }`,
    lines: [variance],
    options: { reach: [0], floor: LEAST_VARIANCE, levels: [ZERO] },
    field: "critic_explained_variance",
  });
}

function varianceByStepFigure(run: Run): Figure {
  const field = "critic_explained_variance_by_step";
  return lineFigure(run, {
    title: "What the critic foresees, step by step",
    note: "The same at each denoising step, from noise on the left to the image on the right.",
    lines: stepLines(run, field),
    options: { across: "step", reach: [0], floor: LEAST_VARIANCE, levels: [ZERO] },
    field,
  });
}

function dormancyFigure(run: Run): Figure {
  const first = run.lines.map((line) => at(line, "dormant_fraction")).find((found) => found !== undefined);
  const layers = layersOf(first).map((name, i) =>
    line(run, name, `var(--shade-${Math.min(i, 3)})`, (tree) => layersIn(at(tree, "dormant_fraction"))[name])
  );
  const areOfCritic = textAt(run.config, "reset", "of") !== "policy";
  const resets = run.lines.flatMap((tree) => {
    const neurons = areOfCritic ? numberAt(tree, "neurons_reset") ?? 0 : 0;
    return neurons > 0 ? [{ x: epochOf(tree), label: `reset ${showNumber(neurons)}` }] : [];
  });
  return lineFigure(run, {
    title: "Dormant neurons of the critic",
    note: `The part of each hidden layer that no longer answers to anything. Dotted: ${
      resets.length === 0 ? "a reset; there was none" : counted(resets.length, "reset")
    }.${overlapRemark(run)}${thresholdRemark(run)}`,
    lines: [{ ...lineAt(run, "all", "var(--ink)", ["dormant_fraction", "total"]), isBold: true }, ...layers],
    options: { reach: [0], show: showShare, events: resets },
    field: "dormant_fraction",
  });
}

/** Whether neurons that were dormant woke. */
function overlapRemark({ lines }: Run): string {
  const overlaps = lines.flatMap((tree) => numberAt(tree, "dormant_overlap") ?? []);
  if (overlaps.length === 0) return "";
  const mean = overlaps.reduce((sum, overlap) => sum + overlap, 0) / overlaps.length;
  return ` An epoch’s training leaves ${showShare(mean)} of the dormant as they were.`;
}

/** How many more are nearly dormant. */
function thresholdRemark({ lines }: Run): string {
  const parts = at(lines.at(-1), "dormant_by_tau");
  const shown = keysAt(parts).flatMap((tau) => {
    const part = numberAt(parts, tau, "total");
    return part === undefined ? [] : [`${showShare(part)} by τ\u202f=\u202f${tau}`];
  });
  return shown.length === 0 ? "" : ` Dormant at the end: ${enumerate(shown).join("")}.`;
}

function rankFigure(run: Run): Figure {
  const ranks = run.lines.map((tree) => at(tree, "effective_rank")).find(Array.isArray) ?? [];
  return lineFigure(run, {
    title: "Directions the critic tells apart",
    note:
      "The effective rank of what each hidden layer hands on: where it falls, less is left to learn with.",
    lines: ranks.map((_, i) =>
      line(run, `layer ${i + 1}`, `var(--shade-${Math.min(i, 3)})`, (tree) => {
        const rank = Object(at(tree, "effective_rank"))[i];
        return typeof rank === "number" ? rank : undefined;
      })
    ),
    options: { reach: [0] },
    field: "effective_rank",
  });
}

/** Nothing where it was not asked for. */
function plasticityFigure(run: Run): readonly Figure[] {
  const lines = [
    { ...lineAt(run, "critic", "var(--ink)", ["plasticity", "current_loss"]), isBold: true },
    lineAt(run, "fresh", "var(--muted)", ["plasticity", "fresh_loss"]),
  ];
  if (lines[0]!.points.length === 0) return [];
  return [lineFigure(run, {
    title: "Whether the critic still learns",
    note:
      "Its loss and that of one that began anew, after learning the same. Above the fresh one, it has lost plasticity.",
    lines,
    options: { reach: [0] },
    field: "plasticity",
  })];
}

/** The dormant part of each layer by its name: layers are a list, or have names beside `total`. */
function layersIn(dormant: unknown): Readonly<Record<string, number>> {
  const layers = at(dormant, "layers") ?? dormant;
  const entries = Array.isArray(layers)
    ? layers.map((value, i) => [`layer ${i + 1}`, value] as const)
    : keysAt(layers).filter((name) => name !== "total").map((name) => [name, at(layers, name)] as const);
  return Object.fromEntries(
    entries.filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}

function layersOf(dormant: unknown): readonly string[] {
  return Object.keys(layersIn(dormant));
}

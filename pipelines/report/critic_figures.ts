/**
 * The figures of the critic: what it foresees, and how much of it is awake.
 *
 * @module
 */

import { methods } from "../../lib/methods/mod.ts";
import type { Figure } from "./figure.ts";
import { line, lineAt, lineFigure, missingField } from "./line_figure.ts";
import { drawLines } from "./lines.ts";
import { epochOf, type Run } from "./read_run.ts";
import { at, keysAt, numberAt, textAt } from "./tree.ts";
import { counted, showNumber, showShare } from "./words.ts";

/** Explained variances below this are cut off: an untrained critic may be arbitrarily wrong. */
const LEAST_VARIANCE = -1;

const ZERO = { value: 0, label: "" };

/** All of them, in order; none where the run's method has no critic. */
export function criticFigures(run: Run): readonly Figure[] {
  const method = methods.find(({ name }) => name === textAt(run.config, "method"));
  if (method?.hasCritic === false) return [];
  return [varianceFigure(run), varianceByStepFigure(run), dormancyFigure(run)];
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
  const title = "What the critic foresees, step by step";
  const field = "critic_explained_variance_by_step";
  const logged = run.lines.flatMap((line) => {
    const values = at(line, field);
    return Array.isArray(values) ? [{ epoch: epochOf(line), values }] : [];
  });
  const [first, last] = [logged[0], logged.at(-1)];
  const lines = [first, first === last ? undefined : last].flatMap((each) =>
    each === undefined ? [] : [{
      label: `epoch ${each.epoch}`,
      colour: each === last ? "var(--ink)" : "var(--muted)",
      isBold: each === last,
      points: each.values.flatMap((value, i) => typeof value === "number" ? [{ epoch: i + 1, value }] : []),
    }]
  );
  const isDrawn = lines.some(({ points }) => points.length > 0);
  return {
    title,
    note: "The same at each denoising step, from noise on the left to the image on the right.",
    drawing: isDrawn
      ? drawLines(lines, { title, across: "step", reach: [0], floor: LEAST_VARIANCE, levels: [ZERO] })
      : null,
    missing: missingField(run.lines, field),
  };
}

function dormancyFigure(run: Run): Figure {
  const first = run.lines.map((line) => at(line, "dormant_fraction")).find((found) => found !== undefined);
  const layers = layersOf(first).map((name, i) =>
    line(run, name, `var(--shade-${Math.min(i, 3)})`, (tree) => layersIn(at(tree, "dormant_fraction"))[name])
  );
  const resets = run.lines.flatMap((tree) => {
    const neurons = numberAt(tree, "neurons_reset") ?? 0;
    return neurons > 0 ? [{ epoch: epochOf(tree), label: `reset ${showNumber(neurons)}` }] : [];
  });
  return lineFigure(run, {
    title: "Dormant neurons of the critic",
    note: `The part of each hidden layer that no longer answers to anything. Dotted: ${
      resets.length === 0 ? "a reset; there was none" : counted(resets.length, "reset")
    }.`,
    lines: [{ ...lineAt(run, "all", "var(--ink)", ["dormant_fraction", "total"]), isBold: true }, ...layers],
    options: { reach: [0], show: showShare, events: resets },
    field: "dormant_fraction",
  });
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

/**
 * The figures of what arms brought at equal cost, with bands over their seeds.
 *
 * @module
 */

import * as Plot from "@observablehq/plot";
import { bandOf, type BandPoint } from "../../lib/measures/band.ts";
import { AXIS, draw, GRID } from "../report/draw.ts";
import type { Figure } from "../report/figure.ts";
import { labelWidth, shorten } from "../report/labels.ts";
import { extent, lineLabels, NARROW, withRoom } from "../report/lines.ts";
import type { Markup } from "../report/markup.ts";
import { showGain, showNumber, showShare } from "../report/words.ts";
import { type Look, lookOf } from "./arm_colours.ts";
import type { Step } from "./curve.ts";
import type { Results } from "./results.ts";

/** What is equal: the field of a step, its name at the axis, and how it is written. */
export const COSTS = [
  { key: "reward_queries", title: "At equal reward queries", label: "reward queries", show: showCount },
  { key: "sqrt_kl", title: "At equal divergence", label: "√KL from the base model", show: showNumber },
  { key: "unet_evaluations", title: "At equal compute", label: "UNet evaluations", show: showCount },
  { key: "seconds", title: "At equal time", label: "seconds of training", show: showCount },
] as const;

/** What was brought: the field of a step, its name, and how it is written. */
const GAINS = [
  { key: "in_domain", title: "Gain in domain", show: showGain, level: 0 },
  { key: "out_of_domain", title: "Gain out of domain", show: showGain, level: 0 },
  { key: "diversity", title: "Diversity", show: showShare, level: 1 },
] as const;

/** An arm in a figure. */
interface ArmBand {
  readonly label: string;
  readonly look: Look;
  readonly isBold: boolean;
  readonly points: readonly BandPoint[];
}

/** The figures of one cost, one for each gain that a run tells: diversity takes evaluations of two images a prompt. */
export function bandFigures(results: Results, cost: typeof COSTS[number]): readonly Figure[] {
  const steps = results.results.flatMap(({ runs }) => runs.flatMap(({ curve }) => curve));
  return GAINS.filter(({ key }) => steps.some((step) => step[key] !== null)).map((gain): Figure => {
    const bands = results.results.map(({ arm, runs }): ArmBand => {
      const paths = runs.map(({ curve }) => pathOf(curve, cost.key, gain.key));
      return {
        label: arm,
        look: lookOf(results.arms.indexOf(arm)),
        isBold: arm === results.reference,
        points: paths.every((path) => path.length > 1) ? bandOf(paths) : [],
      };
    }).filter(({ points }) => points.length > 1);
    return {
      title: gain.title,
      note: "",
      drawing: bands.length === 0 ? null : drawBands(bands, cost, gain),
      missing: `No run tells ${gain.title.toLowerCase()} by ${cost.label}.`,
    };
  });
}

function pathOf(
  curve: readonly Step[],
  x: typeof COSTS[number]["key"],
  y: typeof GAINS[number]["key"],
): readonly (readonly [number, number])[] {
  return curve.flatMap((step) => {
    const [across, up] = [step[x], step[y]];
    return across === null || up === null ? [] : [[across, up] as const];
  });
}

function drawBands(
  bands: readonly ArmBand[],
  cost: typeof COSTS[number],
  { title, show, level }: typeof GAINS[number],
): Markup {
  const height = 230, margin = { top: 12, bottom: 38, left: 48 };
  const all = bands.flatMap(({ points }) => points);
  const x = extent(all.map((point) => point.x));
  const y = withRoom([level, ...all.flatMap(({ low, high }) => [low, high])], 0.06);
  const named = bands.length > 1 ? bands : [];
  const marginRight = 14 + Math.max(20, ...named.map(({ label }) => labelWidth(shorten(label))));
  const lines = named.map(({ label, look, isBold, points }) => ({
    label,
    colour: look.colour,
    isBold,
    points: points.map(({ x, mean }) => ({ x, value: mean })),
  }));
  return draw({
    width: NARROW,
    height,
    title: `${title}, ${cost.title.toLowerCase()}`,
    description: bands.map(({ label, points }) =>
      `${label}: ${show(points.at(-1)!.mean)} at ${cost.show(points.at(-1)!.x)} ${cost.label}.`
    ).join(" "),
    options: {
      marginTop: margin.top,
      marginBottom: margin.bottom,
      marginLeft: margin.left,
      marginRight,
      x: { domain: [...x] },
      y: { domain: [...y] },
      marks: [
        Plot.gridY({ ticks: 4, ...GRID }),
        Plot.ruleY([level], { stroke: "var(--muted)", strokeDasharray: "4 3" }),
        Plot.axisY({ ...AXIS, ticks: 4, tickFormat: (value: number) => show(value), label: null }),
        Plot.axisX({ ...AXIS, ticks: 3, tickFormat: cost.show, label: cost.label, labelAnchor: "left" }),
        bands.map(({ look, points }) =>
          Plot.areaY(points, { x: "x", y1: "low", y2: "high", fill: look.colour, fillOpacity: 0.16 })
        ),
        bands.map(({ label, look, isBold, points }) => [
          Plot.line(points, {
            x: "x",
            y: "mean",
            stroke: look.colour,
            strokeWidth: isBold ? 2.4 : 1.6,
            ...look.dashes !== undefined && { strokeDasharray: look.dashes },
          }),
          Plot.dot(points, {
            x: "x",
            y: "mean",
            r: 7,
            fill: look.colour,
            fillOpacity: 0,
            title: ({ x, mean, high }: BandPoint) =>
              `${label}: ${show(mean)}${high > mean ? ` ± ${showNumber(high - mean)}` : ""} at ${
                cost.show(x)
              }`,
          }),
        ]),
        lineLabels(lines, { x, y, frame: [margin.top, height - margin.bottom], isLogarithmic: false }),
      ],
    },
  });
}

/** A count, in thousands or millions where it is large. */
function showCount(count: number): string {
  if (count >= 1e7) return `${showNumber(count / 1e6)}\u202fM`;
  return count >= 1e4 ? `${showNumber(count / 1000)}\u202fk` : showNumber(count);
}

/**
 * The figures of gain against its price: where each arm came from, and where it ended.
 *
 * @module
 */

import * as Plot from "@observablehq/plot";
import { AXIS, draw, GRID } from "../report/draw.ts";
import type { Figure } from "../report/figure.ts";
import { labelWidth, shorten } from "../report/labels.ts";
import { lineLabels, withRoom } from "../report/lines.ts";
import type { Markup } from "../report/markup.ts";
import { showShare, showSigned } from "../report/words.ts";
import { lookOf } from "./arm_colours.ts";
import type { ArmResult, Results, Value } from "./results.ts";

/** Pixels across and down. */
const WIDTH = 500, HEIGHT = 330;
const MARGIN = { top: 24, bottom: 38 };

/** What is held against the gain in domain. */
const PRICES = [
  { key: "out_of_domain", label: "out of domain", start: 0, show: showSigned },
  { key: "diversity", label: "diversity", start: 1, show: showShare },
] as const;

/** An arm's end. */
interface End {
  readonly arm: string;
  readonly colour: string;
  readonly x: Value;
  readonly y: Value;
  /** The ends of its runs. */
  readonly runs: readonly (readonly [number, number])[];
}

/** Both figures. */
export function paretoFigures(results: Results): readonly Figure[] {
  return PRICES.map((price): Figure => {
    const ends = results.results.flatMap((arm) => endOf(arm, results.arms.indexOf(arm.arm), price.key));
    const title = `In domain against ${price.label}`;
    return {
      title,
      note:
        "A cross is an arm, its mean and a standard error either way; dots are its seeds. The dashes join the means " +
        "that no other exceeds in both; which arms are told apart is said by the stars of the tables.",
      drawing: ends.length === 0 ? null : drawEnds(ends, price, title),
      missing: "No run tells both.",
    };
  });
}

function endOf({ arm, runs, values }: ArmResult, index: number, key: string): readonly End[] {
  const [x, y] = [values.in_domain, values[key]];
  if (x === undefined || y === undefined) return [];
  const points = runs.flatMap(({ values }) => {
    const [a, b] = [values.in_domain ?? null, values[key] ?? null];
    return a === null || b === null ? [] : [[a, b] as const];
  });
  return [{ arm, colour: lookOf(index).colour, x, y, runs: points }];
}

function drawEnds(
  ends: readonly End[],
  { label, start, show }: typeof PRICES[number],
  title: string,
): Markup {
  const crosses = ends.map(({ arm, colour, x, y }) => {
    const [across, up] = [x.standard_error ?? 0, y.standard_error ?? 0];
    return {
      arm,
      colour,
      x: x.mean,
      y: y.mean,
      ...{ x1: x.mean - across, x2: x.mean + across, y1: y.mean - up, y2: y.mean + up },
      text: `${arm}: ${showSigned(x.mean)} in domain, ${show(y.mean)} ${label}`,
    };
  });
  const dots = ends.flatMap(({ colour, runs }) => runs.map(([x, y]) => ({ colour, x, y })));
  const [x, y] = [
    withRoom([0, ...crosses.flatMap(({ x1, x2 }) => [x1, x2]), ...dots.map(({ x }) => x)], 0.1),
    withRoom([start, ...crosses.flatMap(({ y1, y2 }) => [y1, y2]), ...dots.map(({ y }) => y)], 0.1),
  ];
  const axis = { ...AXIS, ticks: 5 };
  const front = frontOf(crosses);
  const labels = crosses.map(({ arm, colour, x, y }) => ({
    label: arm,
    colour,
    points: [{ x, value: y }],
  }));
  const colourOf = ({ colour }: { readonly colour: string }) => colour;
  return draw({
    width: WIDTH,
    height: HEIGHT,
    title,
    description: crosses.map(({ text }) => text).join("; "),
    options: {
      marginTop: MARGIN.top,
      marginBottom: MARGIN.bottom,
      marginLeft: 50,
      marginRight: 16 + Math.max(...crosses.map(({ arm }) => labelWidth(shorten(arm)))),
      x: { domain: [...x] },
      y: { domain: [...y] },
      marks: [
        Plot.gridX({ ticks: 5, ...GRID }),
        Plot.gridY({ ticks: 5, ...GRID }),
        Plot.ruleX([0], { stroke: "var(--muted)" }),
        Plot.ruleY([start], { stroke: "var(--muted)" }),
        Plot.axisX({ ...axis, tickFormat: (value: number) => showSigned(value), label: "in domain" }),
        Plot.axisY({ ...axis, tickFormat: (value: number) => show(value), label }),
        Plot.line(front, { x: "x", y: "y", stroke: "var(--muted)", strokeDasharray: "4 3" }),
        Plot.dot(dots, { x: "x", y: "y", r: 2, fill: colourOf, fillOpacity: 0.55 }),
        Plot.ruleX(crosses, { x: "x", y1: "y1", y2: "y2", stroke: colourOf, strokeWidth: 1.8 }),
        Plot.ruleY(crosses, { y: "y", x1: "x1", x2: "x2", stroke: colourOf, strokeWidth: 1.8 }),
        Plot.dot(crosses, { x: "x", y: "y", r: 4.5, fill: colourOf, title: "text" }),
        lineLabels(labels, { x, y, frame: [MARGIN.top, HEIGHT - MARGIN.bottom], isLogarithmic: false }),
      ],
    },
  });
}

/** The points that no other beats in both, from left to right. */
export function frontOf<T extends { readonly x: number; readonly y: number }>(
  points: readonly T[],
): readonly T[] {
  const beats = (a: T, b: T) => a.x >= b.x && a.y >= b.y && (a.x > b.x || a.y > b.y);
  return points.filter((point) => !points.some((other) => beats(other, point))).sort((a, b) => a.x - b.x);
}

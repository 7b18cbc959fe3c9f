/**
 * Lines over epochs, each named at its end.
 *
 * @module
 */

import * as Plot from "@observablehq/plot";
import { AXIS, draw, GRID } from "./draw.ts";
import type { Markup } from "./markup.ts";
import { labelWidth, shorten, spread } from "./labels.ts";
import { showNumber } from "./words.ts";

/** A value at a place. */
export interface LinePoint {
  /** Where it is across: an epoch, where the figure's `across` is nothing else. */
  readonly x: number;
  /** The value. */
  readonly value: number;
  /** What to say of it; default its value. */
  readonly text?: string;
  /** Whether it is drawn as a ring, for what may be noise. */
  readonly isFaint?: boolean;
}

/** A line. */
export interface Line {
  /** Its name. */
  readonly label: string;
  /** A colour of the page: `var(--reward-0)`. */
  readonly colour: string;
  /** Its points in order. */
  readonly points: readonly LinePoint[];
  /** Whether it is the one to look at. */
  readonly isBold?: boolean;
  /** Whether it is a law and not measured: dashed, without points. */
  readonly isLaw?: boolean;
}

/** A horizontal line with a name. */
export interface Level {
  /** Where it is. */
  readonly value: number;
  /** Its name; it may have none. */
  readonly label: string;
}

/** What else is in the figure. */
export interface LinesOptions {
  /** What a screen reader calls it. */
  readonly title: string;
  /** Pixels across; default {@linkcode NARROW}. */
  readonly width?: number;
  /** Pixels down. */
  readonly height?: number;
  /** Values that the vertical axis must reach. */
  readonly reach?: readonly number[];
  /** The lowest value shown; lower ones are cut off. */
  readonly floor?: number;
  /** Whether the vertical axis counts factors. */
  readonly isLogarithmic?: boolean;
  /** How values are written; default {@linkcode showNumber}. */
  readonly show?: (value: number) => string;
  /** Horizontal lines with a name. */
  readonly levels?: readonly Level[];
  /** What the horizontal axis counts; default `epoch`. */
  readonly across?: string;
  /** Whether the horizontal axis measures, where it does not count. */
  readonly isContinuous?: boolean;
  /** Vertical lines with a name. */
  readonly events?: readonly { readonly x: number; readonly label: string }[];
}

/** The level of nothing. */
export const ZERO: Level = { value: 0, label: "" };

/** How wide a figure is on a phone, or in a column. */
export const NARROW = 336;

/** More points than this in a line are not marked one by one. */
const MARKED = 60;

const MARGIN = { top: 18, bottom: 26, left: 44 };
const LABEL_GAP = 13;

/** Draws lines; there is at least one point. */
export function drawLines(lines: readonly Line[], options: LinesOptions): Markup {
  const { width = NARROW, height = 210, title, show = showNumber, across = "epoch" } = options;
  const shown = lines.filter(({ points }) => points.length > 0);
  // A line that is alone needs no name beside the title.
  const named = shown.length > 1 ? shown : [];
  const places = [...shown.flatMap(({ points }) => points), ...options.events ?? []].map(({ x }) => x);
  const layout: Layout = {
    x: extent(places),
    y: verticalRange(shown.flatMap(({ points }) => points.map(({ value }) => value)), options),
    frame: [MARGIN.top, height - MARGIN.bottom],
    isLogarithmic: options.isLogarithmic ?? false,
  };
  const { x, y, isLogarithmic } = layout;
  const marginRight = 14 + Math.max(34, ...named.map(({ label }) => labelWidth(shorten(label))));
  const ticks = isLogarithmic ? logarithmicTicks(y) : 4;
  const tickFormat = (value: number) => show(value);
  return draw({
    width,
    height,
    title,
    description: describe(shown, show, across),
    options: {
      marginTop: MARGIN.top,
      marginBottom: MARGIN.bottom,
      marginLeft: MARGIN.left,
      marginRight,
      x: { domain: [...x] },
      y: { domain: [...y], type: isLogarithmic ? "log" : "linear", clamp: true },
      marks: [
        Plot.gridY({ ticks, ...GRID }),
        Plot.axisY({ ...AXIS, ticks, tickFormat, label: null }),
        options.isContinuous ? measureAxis(across) : epochAxis(x, width - MARGIN.left - marginRight, across),
        guides(options, layout),
        lineMarks(shown, show, across),
        lineLabels(named, layout),
      ],
    },
  });
}

/** Where things are. */
export interface Layout {
  /** The first and last place across. */
  readonly x: readonly [number, number];
  /** The least and greatest value. */
  readonly y: readonly [number, number];
  /** The pixels of the greatest and the least value. */
  readonly frame: readonly [number, number];
  /** Whether the vertical axis counts factors. */
  readonly isLogarithmic: boolean;
}

/** Levels and events. */
function guides({ levels = [], events = [] }: LinesOptions, { x }: Layout): Plot.Markish {
  const text = { text: "label", fill: "var(--muted)" };
  return [
    Plot.ruleX(events, { x: "x", stroke: "var(--muted)", strokeDasharray: "1 3", title: "label" }),
    Plot.text(events.length <= 4 ? events : [], { ...text, x: "x", frameAnchor: "top", dy: -14 }),
    Plot.ruleY(levels, { y: "value", stroke: "var(--muted)", strokeDasharray: "4 3" }),
    Plot.text(levels, { ...text, x: x[0], y: "value", textAnchor: "start", dx: 3, dy: -7 }),
  ];
}

function lineMarks(lines: readonly Line[], show: (value: number) => string, across: string): Plot.Markish {
  const isMarked = lines.every(({ points }) => points.length <= MARKED);
  return lines.map(({ label, colour, points, isBold, isLaw }) => [
    Plot.line(points, {
      x: "x",
      y: "value",
      stroke: colour,
      strokeWidth: isBold ? 2.6 : 1.5,
      ...isLaw && { strokeDasharray: "4 3" },
    }),
    isMarked && !isLaw
      ? Plot.dot(points, {
        x: "x",
        y: "value",
        r: points.length > MARKED / 2 ? 2 : 3,
        stroke: colour,
        fill: ({ isFaint }: LinePoint) => isFaint ? "var(--paper)" : colour,
        title: ({ x, value, text }: LinePoint) => `${label}, ${across} ${x}: ${text ?? show(value)}`,
      })
      : null,
  ]);
}

/** The lines' names at the right, where each ends or as near as there is room. */
export function lineLabels(lines: readonly Line[], { x, y, frame, isLogarithmic }: Layout): Plot.Markish {
  const scale = isLogarithmic ? Math.log : (value: number) => value;
  const [low, high] = [scale(y[0]), scale(y[1])];
  const heights = lines.map(({ points }) => {
    const value = Math.max(points.at(-1)!.value, y[0]);
    return (scale(value) - low) / (high - low) * (frame[1] - frame[0]);
  });
  const lifts = spread(heights.map((height) => -height), LABEL_GAP, [frame[0] - frame[1], 0]);
  return lines.map(({ label, colour, isBold }, i) =>
    Plot.text([shorten(label)], {
      x: x[1],
      y: y[0],
      dx: 8,
      dy: lifts[i]!,
      textAnchor: "start",
      fill: colour,
      fontWeight: isBold ? 700 : 500,
    })
  );
}

/** The axis of epochs: whole numbers, as many as there is room for. */
export function epochAxis(
  [first, last]: readonly [number, number],
  width: number,
  label = "epoch",
): Plot.Markish {
  const most = width / 28;
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((step) => (last - first) / step < most) ?? 1000;
  const start = Math.ceil(first / step) * step;
  const ticks = Array.from({ length: Math.floor((last - start) / step) + 1 }, (_, i) => start + i * step);
  return Plot.axisX(ticks, {
    ...AXIS,
    tickFormat: (epoch: number) => String(epoch),
    label,
    labelOffset: 20,
  });
}

/** The axis of what is measured. */
function measureAxis(label: string): Plot.Markish {
  return Plot.axisX({
    ...AXIS,
    ticks: 5,
    tickFormat: (value: number) => showNumber(value),
    label,
    labelOffset: 20,
  });
}

/** The least and greatest value; one value is given room on both sides. */
export function extent(values: readonly number[]): readonly [number, number] {
  const low = values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = values.reduce((greatest, value) => Math.max(greatest, value), -Infinity);
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

/** The range of some values, and a share of it more on both sides. */
export function withRoom(values: readonly number[], share: number): readonly [number, number] {
  const [low, high] = extent(values);
  return [low - share * (high - low), high + share * (high - low)];
}

function verticalRange(
  values: readonly number[],
  { reach = [], levels = [], floor = -Infinity, isLogarithmic = false }: LinesOptions,
): readonly [number, number] {
  const shown = [...values, ...reach, ...levels.map(({ value }) => value)];
  if (shown.every((value) => value === 0)) return [0, 1];
  const [low, high] = extent(shown);
  if (isLogarithmic) return [low / 1.2, high * 1.2];
  const room = 0.06 * (high - low);
  const bottom = low === 0 && reach.includes(0) ? 0 : Math.max(low, floor) - room;
  return [bottom, high + room];
}

/** 1, 2 and 5 of each power of ten. */
function logarithmicTicks([low, high]: readonly [number, number]): number[] {
  const powers = Array.from({ length: 24 }, (_, i) => 10 ** (i - 12));
  const ticks = powers.flatMap((power) => [1, 2, 5].map((digit) => digit * power));
  return ticks.filter((tick) => tick >= low && tick <= high);
}

function describe(lines: readonly Line[], show: (value: number) => string, across: string): string {
  return lines.map(({ label, points }) => {
    const [first, last] = [points[0]!, points.at(-1)!];
    return points.length === 1
      ? `${label}: ${show(first.value)} at ${across} ${first.x}.`
      : `${label}: ${show(first.value)} at ${across} ${first.x}, ${show(last.value)} at ${across} ${last.x}.`;
  }).join(" ");
}

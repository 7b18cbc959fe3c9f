/**
 * The figure of time: what took how long in each epoch.
 *
 * @module
 */

import * as Plot from "@observablehq/plot";
import { AXIS, draw, GRID } from "./draw.ts";
import type { Figure } from "./figure.ts";
import { labelWidth, spread } from "./labels.ts";
import { epochAxis, extent, NARROW } from "./lines.ts";
import type { Markup } from "./markup.ts";
import { epochOf, type Run } from "./read_run.ts";
import { keysAt, numberAt } from "./tree.ts";
import { showNumber, showSeconds } from "./words.ts";

/** The seconds of each stage, one upon the other. */
export function secondsFigure({ lines }: Run): Figure {
  // The longest list of stages has them in the order they run.
  const lists = lines.map((tree) => keysAt(tree, "seconds")).sort((a, b) => b.length - a.length);
  const stages = [...new Set(lists.flat())];
  const bars = lines.flatMap((tree) =>
    stages.flatMap((stage, i) => {
      const seconds = numberAt(tree, "seconds", stage);
      return seconds === undefined ? [] : [{ epoch: epochOf(tree), stage, index: i, seconds }];
    })
  );
  const total = bars.reduce((sum, { seconds }) => sum + seconds, 0);
  const title = "Seconds of each stage";
  return {
    title,
    note: `${
      bars.length === 0 ? "Time" : `${showSeconds(total)} in all`
    }, stage upon stage in the order they run.`,
    drawing: bars.length === 0 ? null : drawSeconds(bars, stages, title),
    missing: "No line of metrics.jsonl has seconds.",
  };
}

interface Bar {
  readonly epoch: number;
  readonly stage: string;
  readonly index: number;
  readonly seconds: number;
}

function drawSeconds(bars: readonly Bar[], stages: readonly string[], title: string): Markup {
  const height = 210, marginTop = 18, marginBottom = 26, marginLeft = 44;
  const totals = Map.groupBy(bars, ({ epoch }) => epoch);
  const sum = (some: readonly Bar[]) => some.reduce((total, { seconds }) => total + seconds, 0);
  const most = Math.max(...[...totals.values()].map(sum));
  const x = extent(bars.map(({ epoch }) => epoch));
  const latest = totals.get(Math.max(...totals.keys()))!;
  const scale = (height - marginTop - marginBottom) / (most * 1.06);
  const middles = latest.map(({ seconds }, i) => -(sum(latest.slice(0, i)) + seconds / 2) * scale);
  const lifts = spread(middles, 13, [-(height - marginTop - marginBottom), 0]);
  const names = latest.map(({ stage, seconds }) => `${stage} ${showSeconds(seconds)}`);
  const marginRight = 16 + Math.max(...names.map(labelWidth));
  return draw({
    width: NARROW,
    height,
    title,
    description: `At epoch ${latest[0]!.epoch}: ${names.join(", ")}.`,
    options: {
      marginTop,
      marginBottom,
      marginLeft,
      marginRight,
      x: { domain: [x[0] - 0.5, x[1] + 0.5] },
      y: { domain: [0, most * 1.06] },
      marks: [
        Plot.gridY({ ticks: 4, ...GRID }),
        Plot.axisY({ ...AXIS, ticks: 4, tickFormat: (value: number) => showNumber(value), label: null }),
        epochAxis(x, NARROW - marginLeft - marginRight),
        Plot.rectY(
          bars,
          Plot.stackY({
            x1: (bar: Bar) => bar.epoch - 0.4,
            x2: (bar: Bar) => bar.epoch + 0.4,
            y: "seconds",
            z: "stage",
            order: [...stages],
            fill: (bar: Bar) => `var(--shade-${bar.index % 6})`,
            title: (bar: Bar) => `${bar.stage}, epoch ${bar.epoch}: ${showSeconds(bar.seconds)}`,
          }),
        ),
        names.map((name, i) =>
          Plot.text([name], {
            x: x[1] + 0.5,
            y: 0,
            dx: 6,
            dy: lifts[i]!,
            textAnchor: "start",
            fill: "var(--ink)",
          })
        ),
      ],
    },
  });
}

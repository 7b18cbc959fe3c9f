/**
 * The figures of rewards: each over time, and what the gain in one cost the others.
 *
 * @module
 */

import * as Plot from "@observablehq/plot";
import { curveScalars } from "../../lib/measures/curve_scalars.ts";
import { AXIS, draw, GRID } from "./draw.ts";
import type { Figure } from "./figure.ts";
import { type Markup, markup } from "./markup.ts";
import { drawLines, type Line, type LinesOptions, NARROW, withRoom, ZERO } from "./lines.ts";
import { LEAST_ERRORS, meanGains, type Measured, type Point, type RewardHistory } from "./measure.ts";
import { PALETTE_SIZE, rewardName } from "./outcome.ts";
import { enumerate, showFixed, showGain, showNumber, showSigned } from "./words.ts";

/** Axes reach at least so far, lest they make noise look large. */
const REACH: readonly number[] = [-0.5, 0.5];

/** Gains at which runs are compared. */
const LEVELS: readonly number[] = [1, 2, 3];

/** Pixels across a figure of the page's whole width. */
const WIDE = 1060;

/** All rewards over time, on the images of the evaluations, with marks at some epochs. */
export function evaluationFigure(measured: Measured, marks: LinesOptions["events"] = []): Figure {
  return {
    title: "Rewards on the same prompts and seeds",
    note:
      markup`In base standard deviations above the base model. A filled dot differs from the base by more than ${LEAST_ERRORS} standard errors; a ring may be noise.`,
    missing: measured.rewards.length > 0
      ? "There is one evaluation so far."
      : "There is no evaluation in this run.",
    ...drawBoth(measured, {
      title: "Rewards on the same prompts and seeds, in base standard deviations",
      events: marks,
    }),
  };
}

/** All rewards over time, on the images that training drew. */
export function batchFigure(measured: Measured): Figure {
  const title = "Rewards of the training batches";
  return {
    title,
    note:
      "What training saw: other seeds each epoch, with the standard deviation of the first batch as the unit.",
    missing: measured.rewards.length > 0
      ? "One epoch has been trained so far."
      : "No epoch has been trained yet.",
    drawing: hasLines(measured.rewards)
      ? drawLines(linesOf(measured, false), {
        title,
        show: showGain,
        reach: REACH,
      })
      : null,
  };
}

/** What the gain in the trained reward cost the watched ones. */
export function priceFigure({ rewards, trainedGains, combining }: Measured): Figure {
  const trained = rewards.filter(({ isTrained }) => isTrained);
  const watched = rewards.filter(({ isTrained }) => !isTrained);
  const steps = meanGains(watched).flatMap((mean) => {
    const own = trainedGains.find(({ epoch }) => epoch === mean.epoch);
    return own === undefined ? [] : [{ ...mean, gain: own.gain, price: mean.gain }];
  }).filter(({ gain, price }) => Number.isFinite(gain) && Number.isFinite(price));
  const title = "Gain and price";
  if (steps.length < 2) {
    return {
      title,
      note: "The trained reward against the mean of the watched ones.",
      drawing: null,
      missing: "It takes two evaluations, with the trained reward and one that is only watched.",
    };
  }
  return {
    title,
    note: markup`Across, ${
      combining === null || combining.combine === "constraints"
        ? markup`the gain in ${trained.slice(0, 1).map(rewardName)}`
        : markup`what the gains in ${enumerate(trained.map(rewardName))} come to`
    }; up, the mean gain of the ${
      showNumber(watched.length)
    } watched rewards, both in base standard deviations. ${priceRemark(steps)} ${pathRemark(steps)}`,
    drawing: drawPath(steps, title),
  };
}

/** Whether the watched rewards, taken together, have fallen from their best. */
function priceRemark(steps: readonly Step[]): string {
  const best = steps.reduce((best, step) => step.price > best.price ? step : best);
  const last = steps.at(-1)!;
  const error = last.error === null || best.error === null ? null : Math.hypot(last.error, best.error);
  if (error === null || best.price - last.price <= LEAST_ERRORS * error) {
    return "A path that bends down buys its gain at the others’ expense.";
  }
  const from = best.epoch === steps[0]!.epoch ? "the base" : `its best, at epoch ${best.epoch}`;
  return `The mean of the watched rewards has fallen by ${
    showFixed(best.price - last.price)
  } from ${from}: the trained reward was bought at their expense.`;
}

/** What the path comes to, for comparison with other runs. */
function pathRemark(steps: readonly Step[]): string {
  const points = steps.map(({ gain, price }) => ({ inDomain: gain, outOfDomain: price }));
  const { matched, onset, area, drop } = curveScalars(points, LEVELS);
  const reached = LEVELS.flatMap((level, i) => {
    const price = matched[i];
    return price === null || price === undefined ? [] : [`${showSigned(price)} at a gain of ${level}`];
  });
  const best = onset === 0 ? "at the base" : `at a gain of ${showFixed(onset)}`;
  const end = drop === 0 ? "" : ` and end ${showFixed(drop)} lower`;
  const levels = reached.length === 0 ? "" : ` They first stood at ${reached.join(" and ")}.`;
  return `Smoothed over three evaluations, the watched rewards are highest ${best}${end}; the area under the path is ${
    showSigned(area)
  }.${levels}`;
}

interface Step extends Pick<Point, "epoch" | "gain" | "error" | "isChange"> {
  /** The mean gain of the watched rewards. */
  readonly price: number;
}

function drawPath(steps: readonly Step[], title: string): Markup {
  const height = 260;
  const x = withRoom([0, 0.5, ...steps.map(({ gain }) => gain)], 0.12);
  const y = withRoom([...REACH, ...steps.map(({ price }) => price)], 0.12);
  const place = ({ gain, price }: Step) =>
    [(gain - x[0]) / (x[1] - x[0]) * NARROW, (price - y[0]) / (y[1] - y[0]) * height] as const;
  const labelOf = (step: Step) => {
    const [across, up] = place(step);
    return [across, up + (isPeak(step, steps) ? 12 : -13)] as const;
  };
  // The last epoch has a label, others where it covers neither another label nor a point.
  const named = steps.toReversed().reduce<readonly Step[]>((named, step) => {
    const label = labelOf(step);
    const isFree = named.every((other) => isApart(label, labelOf(other), [48, 15])) &&
      steps.every((other) => other === step || isApart(label, place(other), [28, 11]));
    return isFree || named.length === 0 ? [...named, step] : named;
  }, []);
  const texts = steps.map((step) => ({
    ...step,
    text: `epoch ${step.epoch}: gain ${showSigned(step.gain)}, watched ${showSigned(step.price)}`,
  }));
  const ticks = { ...AXIS, ticks: 5 };
  return draw({
    width: NARROW,
    height,
    title,
    description: texts.map(({ text }) => text).join("; "),
    options: {
      marginTop: 22,
      marginBottom: 36,
      marginLeft: 44,
      marginRight: 12,
      x: { domain: [...x] },
      y: { domain: [...y] },
      marks: [
        Plot.gridX({ ticks: 5, ...GRID }),
        Plot.gridY({ ticks: 5, ...GRID }),
        Plot.ruleX([0], { stroke: "var(--muted)" }),
        Plot.ruleY([0], { stroke: "var(--muted)" }),
        Plot.axisX({ ...ticks, tickFormat: showGain, label: "trained reward" }),
        Plot.axisY({ ...ticks, tickFormat: showGain, label: "watched rewards" }),
        Plot.line(steps, { x: "gain", y: "price", stroke: "var(--ink)", strokeWidth: 2 }),
        [true, false].map((isAbove) =>
          Plot.text(named.filter((step) => isPeak(step, steps) === isAbove), {
            x: "gain",
            y: "price",
            text: ({ epoch }: Step) => epoch === steps[0]!.epoch ? "base" : `epoch ${epoch}`,
            dy: isAbove ? -12 : 13,
            fill: "var(--ink)",
            stroke: "var(--paper)",
            strokeWidth: 4,
          })
        ),
        Plot.dot(texts, {
          x: "gain",
          y: "price",
          r: 3.5,
          stroke: "var(--ink)",
          fill: (step: Step) => step.isChange ? "var(--ink)" : "var(--paper)",
          title: "text",
        }),
      ],
    },
  });
}

/** Whether two places are further from each other than so much across or up. */
function isApart(
  a: readonly [number, number],
  b: readonly [number, number],
  [across, up]: readonly [number, number],
) {
  return Math.abs(a[0] - b[0]) > across || Math.abs(a[1] - b[1]) > up;
}

function drawBoth(
  measured: Measured,
  marked: Pick<LinesOptions, "title" | "events">,
): Pick<Figure, "drawing" | "wide"> {
  if (!hasLines(measured.rewards)) return { drawing: null };
  const lines = linesOf(measured, true);
  const options = { ...marked, show: showGain, reach: REACH, levels: [ZERO] };
  return {
    drawing: drawLines(lines, { ...options, height: 300 }),
    wide: drawLines(lines, { ...options, width: WIDE, height: 400 }),
  };
}

/** The lines of all rewards, and of what several training rewards come to where that is none of them. */
function linesOf({ rewards, trainedGains, combining }: Measured, hasRings: boolean): readonly Line[] {
  const lines = rewards.map((reward) => lineOf(reward, hasRings));
  if (combining === null || combining.combine === "constraints") return lines;
  const points = trainedGains.filter(({ gain }) => Number.isFinite(gain))
    .map(({ epoch, gain }) => ({ x: epoch, value: gain, text: showSigned(gain) }));
  return [...lines, { label: "combined", colour: "var(--ink)", isBold: true, points }];
}

function lineOf({ name, index, isTrained, points }: RewardHistory, hasRings: boolean): Line {
  return {
    label: name,
    colour: `var(--reward-${index % PALETTE_SIZE})`,
    isBold: isTrained,
    points: points.filter(({ gain }) => Number.isFinite(gain)).map((point) => ({
      x: point.epoch,
      value: point.gain,
      text: `${showSigned(point.gain)} (mean ${showNumber(point.mean)}, deviation ${showNumber(point.std)})`,
      isFaint: hasRings && !point.isChange,
    })),
  };
}

/** Whether the path comes and goes from below, so that there is room above. */
function isPeak(step: Step, steps: readonly Step[]): boolean {
  const i = steps.indexOf(step);
  const neighbours = [steps[i - 1], steps[i + 1]].filter((step) => step !== undefined);
  const mean = neighbours.reduce((sum, { price }) => sum + price, 0) / neighbours.length;
  return step.price >= mean;
}

function hasLines(rewards: readonly RewardHistory[]): boolean {
  return rewards.some(({ points }) => points.filter(({ gain }) => Number.isFinite(gain)).length > 1);
}

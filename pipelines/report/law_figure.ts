/**
 * The figure of gains by the distance that training has gone, and the law that a watched reward follows there.
 *
 * @module
 */

import {
  type Coefficient,
  type DistancePoint,
  fitKlLaw,
  gainAt,
  type KlLaw,
} from "../../lib/measures/kl_law.ts";
import type { Figure } from "./figure.ts";
import { drawLines, type Line, ZERO } from "./lines.ts";
import { type Markup, markup } from "./markup.ts";
import { LEAST_ERRORS, meanGains, type Measured, type RewardHistory } from "./measure.ts";
import { PALETTE_SIZE, rewardName } from "./outcome.ts";
import { epochOf, type Run } from "./read_run.ts";
import { numberAt } from "./tree.ts";
import { showError, showNumber, showSigned } from "./words.ts";

/** Points that the law is drawn through. */
const DRAWN = 48;

/** A watched reward, or all of them, at some epochs. */
interface Watched {
  readonly label: string;
  readonly name: Markup;
  readonly colour: string;
  readonly points: readonly { readonly epoch: number; readonly gain: number }[];
}

/** Gains by distance; nothing where no divergence or no watched reward was evaluated twice. */
export function lawFigure(run: Run, { source, rewards }: Measured): readonly Figure[] {
  const trained = rewards.find(({ isTrained }) => isTrained);
  const watched = watchedIn(rewards);
  if (source !== "evaluations" || trained === undefined || watched === null) return [];
  const path = pathOf(run, watched);
  if (path.length < 2) return [];
  const law = fitKlLaw(path);
  const title = "Gain by distance";
  return [{
    title,
    note:
      markup`Up, gains in base standard deviations; across, the square root of the KL divergence from the base model. ${
        law === null
          ? "It takes two evaluations after the base model’s to fit a law."
          : lawRemark(law, watched, path)
      }`,
    drawing: drawLines([
      lineOf(ofReward(trained), pathOf(run, trained)),
      lineOf(watched, path),
      ...law === null ? [] : [curveOf(law, path)],
    ], {
      title,
      across: "√KL",
      isContinuous: true,
      show: showSigned,
      reach: [-0.5, 0.5],
      levels: [ZERO],
    }),
  }];
}

/** What the published law is about, a gold reward, where it is watched; else the mean of what is. */
function watchedIn(rewards: readonly RewardHistory[]): Watched | null {
  const others = rewards.filter(({ isTrained }) => !isTrained);
  const gold = others.find(({ name }) => name === "gold");
  if (gold !== undefined) return ofReward(gold);
  if (others.length === 0) return null;
  return {
    label: "watched",
    name: markup`the mean of the watched rewards`,
    colour: "var(--ink)",
    points: meanGains(others),
  };
}

function ofReward(reward: RewardHistory): Watched {
  const { name, index, points } = reward;
  return { label: name, name: rewardName(reward), colour: `var(--reward-${index % PALETTE_SIZE})`, points };
}

/** A point of a reward's path. */
interface PathPoint extends DistancePoint {
  readonly epoch: number;
}

function pathOf({ lines }: Run, { points }: Pick<Watched, "points">): readonly PathPoint[] {
  return points.flatMap(({ epoch, gain }) => {
    const kl = numberAt(lines.find((line) => epochOf(line) === epoch), "evaluation", "kl_to_base");
    return kl === undefined || !Number.isFinite(gain) ? [] : [{ epoch, gain, distance: Math.sqrt(kl) }];
  });
}

function lineOf({ label, colour }: Pick<Watched, "label" | "colour">, path: readonly PathPoint[]): Line {
  const points = path.map(({ epoch, gain, distance }) => ({
    x: rounded(distance),
    value: gain,
    text: `${showSigned(gain)}, epoch ${epoch}`,
  }));
  return { label, colour, isBold: true, points };
}

function curveOf(law: KlLaw, path: readonly PathPoint[]): Line {
  const end = Math.max(...path.map(({ distance }) => distance));
  const points = Array.from({ length: DRAWN }, (_, i) => {
    const distance = end * i / (DRAWN - 1);
    return { x: rounded(distance), value: gainAt(law, distance) };
  });
  return { label: "law", colour: "var(--muted)", isLaw: true, points };
}

function lawRemark({ alpha, beta, optimum }: KlLaw, { name }: Watched, path: readonly PathPoint[]): Markup {
  return markup`Dashed, d (α − β ln d) as it fits ${name} best: α = ${withError(alpha)}, β = ${
    withError(beta)
  }. ${optimum === null ? "It does not turn down" : placeRemark(optimum, path.at(-1)!.distance)}.`;
}

/** Where the run stands, as far as the fit can tell. */
function placeRemark(optimum: Coefficient, here: number): string {
  const { value, standard_error: error } = optimum;
  const isNoise = error === null || Math.abs(here - value) <= LEAST_ERRORS * error;
  const side = isNoise ? "before it or past it: the fit cannot tell" : here > value ? "past it" : "before it";
  return `It is highest at d = ${withError(optimum)}, and the run stands at ${showNumber(here)}, ${side}`;
}

function withError({ value, standard_error }: Coefficient): string {
  return standard_error === null ? showNumber(value) : `${showNumber(value)} ± ${showError(standard_error)}`;
}

function rounded(distance: number): number {
  return Number(distance.toPrecision(3));
}

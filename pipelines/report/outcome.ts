/**
 * What came of a run, in a sentence.
 *
 * @module
 */

import { type Markup, markup } from "./markup.ts";
import { lastOf, LEAST_ERRORS, type Measured, type Point, type RewardHistory } from "./measure.ts";
import { counted, enumerate, showFixed, showNumber, showSigned } from "./words.ts";

/** The outcome, and how it was judged. */
export interface Outcome {
  /** One sentence. */
  readonly sentence: Markup;
  /** What its words mean and where the numbers come from. */
  readonly basis: Markup;
}

/** Which way a reward went. */
export type Direction = "rose" | "fell" | "within noise" | "not known";

/** Says which way a reward went between the base and a point. */
export function directionOf(
  { gain, error, isChange }: Pick<Point, "gain" | "error" | "isChange">,
): Direction {
  if (!Number.isFinite(gain) || error === null) return "not known";
  if (!isChange) return "within noise";
  return gain > 0 ? "rose" : "fell";
}

/** A reward's name in its colour. */
export function rewardName({ name, index }: Pick<RewardHistory, "name" | "index">): Markup {
  return markup`<b class="reward r${index % PALETTE_SIZE}">${name}</b>`;
}

/** How many colours there are for rewards. */
export const PALETTE_SIZE = 8;

/** Describes the outcome. */
export function outcomeOf(measured: Measured): Outcome {
  const { rewards, source } = measured;
  if (rewards.length === 0) {
    return { sentence: markup`No reward has been measured yet.`, basis: markup`` };
  }
  if (rewards.every(({ points }) => points.length < 2)) {
    return {
      sentence: markup`Only the base model has been measured so far.`,
      basis: markup`Curves begin with the next ${source === "evaluations" ? "evaluation" : "epoch"}.`,
    };
  }
  const trained = rewards.filter(({ isTrained, points }) => isTrained && points.length > 1);
  const watched = rewards.filter(({ isTrained, points }) => !isTrained && points.length > 1);
  const epochs = lastOf(trained[0] ?? watched[0]!).epoch - (trained[0] ?? watched[0]!).points[0]!.epoch;
  const sentence = markup`After ${counted(epochs, "epoch")} of training, ${
    trained.length > 1 ? trainedClauses(trained) : trained.map(trainedClause)
  }${trained.length > 0 && watched.length > 0 ? "; " : ""}${
    watchedClause(watched, !rewards.some(({ isTrained }) => isTrained))
  }.`;
  return { sentence, basis: basisOf(measured) };
}

function trainedClause(reward: RewardHistory): Markup {
  const { gain } = lastOf(reward);
  const name = markup`the reward it was trained on, ${rewardName(reward)},`;
  switch (directionOf(lastOf(reward))) {
    case "rose":
      return markup`${name} rose by ${showFixed(gain)} base standard deviations`;
    case "fell":
      return markup`${name} fell by ${showFixed(-gain)} base standard deviations`;
    case "within noise":
      return markup`${name} did not change beyond noise`;
    case "not known":
      return markup`whether ${name} changed is unknown`;
  }
}

function trainedClauses(rewards: readonly RewardHistory[]): Markup {
  const clauses = rewards.map((reward) => {
    const { gain } = lastOf(reward);
    const direction = directionOf(lastOf(reward));
    const change = direction === "rose" || direction === "fell"
      ? `${direction} by ${showFixed(Math.abs(gain))}`
      : direction === "within noise"
      ? "did not change beyond noise"
      : `changed by ${showSigned(gain)}, of unknown error`;
    return markup`${rewardName(reward)} ${change}`;
  });
  return markup`of the rewards it was trained on, in base standard deviations, ${enumerate(clauses)}`;
}

function watchedClause(watched: readonly RewardHistory[], areAll: boolean): Markup {
  const going = (direction: Direction) =>
    watched.filter((reward) => directionOf(lastOf(reward)) === direction);
  const moved = (direction: "rose" | "fell", sign: number) => {
    const rewards = going(direction);
    const names = rewards.map((reward) =>
      markup`${rewardName(reward)} (${showSigned(sign * Math.abs(lastOf(reward).gain))})`
    );
    return rewards.length === 0 ? [] : [markup`${enumerate(names)} ${direction}`];
  };
  const still = going("within noise"), unknown = going("not known");
  const clauses = [
    ...moved("fell", -1),
    ...moved("rose", 1),
    ...still.length === 0 ? [] : [markup`${enumerate(still.map(rewardName))} did not change beyond noise`],
    ...unknown.length === 0 ? [] : [markup`whether ${enumerate(unknown.map(rewardName))} changed is unknown`],
  ];
  if (clauses.length === 0) return markup``;
  if (still.length === watched.length) {
    return markup`no reward ${areAll ? "" : "that was only watched "}(${
      enumerate(watched.map(rewardName))
    }) changed beyond noise`;
  }
  return markup`${areAll ? "of all rewards" : "of the rewards only watched"}, ${
    clauses.map((clause, i) => [i === 0 ? "" : i === clauses.length - 1 ? ", and " : ", ", clause])
  }`;
}

function basisOf({ source, images, rewards }: Measured): Markup {
  const trained = rewards.find(({ isTrained }) => isTrained);
  const unit = trained === undefined
    ? null
    : markup` (${showNumber(trained.points[0]!.std)} on the scale of ${rewardName(trained)})`;
  const where = source === "evaluations"
    ? markup`Judged on ${
      images === null ? "the same" : `the same ${showNumber(images)}`
    } pairs of prompt and seed before and after.`
    : markup`There is no evaluation: judged on the training batches${
      images === null ? "" : ` of ${showNumber(images)} images`
    }, the first of which is the base model’s.`;
  const noise = rewards.some((reward) => lastOf(reward).error === null)
    ? markup`How uncertain the means are is not known, so a change cannot be distinguished from noise.`
    : markup`A change is more than ${LEAST_ERRORS} standard errors${
      source === "evaluations" ? ", clustered by prompt" : ""
    }; anything less is called noise.`;
  return markup`${where} One base standard deviation is how far the base model’s own images lie apart${unit}. ${noise}`;
}

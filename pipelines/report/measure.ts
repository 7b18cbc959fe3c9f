/**
 * How far each reward has moved from the base model, in the base's standard deviations, and whether that is more than
 * noise.
 *
 * @module
 */

import { combinedGains, type Combining, combiningIn } from "./combined_gains.ts";
import { epochOf, type Run } from "./read_run.ts";
import { at, keysAt, numberAt, textAt, textsAt, type Tree } from "./tree.ts";

/** A change counts if it is larger than this many standard errors. */
export const LEAST_ERRORS = 3;

/** A reward at an epoch. */
export interface Point {
  /** How many epochs the model had been trained for. */
  readonly epoch: number;
  /** The mean over images, on the reward's own scale. */
  readonly mean: number;
  /** The standard deviation over images. */
  readonly std: number;
  /** How many standard deviations of the base's images the mean is above the base's. */
  readonly gain: number;
  /** The standard error of `gain`, by pairs clustered by prompt where it was evaluated; `null` where nothing tells it. */
  readonly error: number | null;
  /** Whether the reward has changed: more than noise explains. */
  readonly isChange: boolean;
}

/** A reward over a run. */
export interface RewardHistory {
  /** Its name. */
  readonly name: string;
  /** Whether it was trained on; the others were only watched. */
  readonly isTrained: boolean;
  /** Its number, which picks its colour. */
  readonly index: number;
  /** In order, the base first; at least one. */
  readonly points: readonly Point[];
}

/** Where rewards were measured. */
export interface Measured {
  /** On the same prompts and seeds at each evaluation, or on each epoch's training batch. */
  readonly source: "evaluations" | "batches";
  /** Images at each epoch, or `null` where nothing tells. */
  readonly images: number | null;
  /** The rewards that were trained on first, then the watched ones. */
  readonly rewards: readonly RewardHistory[];
  /** How far it has come in what it was trained on, at each epoch that has all of it. */
  readonly trainedGains: readonly TrainedGain[];
  /** How several training rewards were combined; `null` where there is one. */
  readonly combining: Combining | null;
}

/** A gain in what was trained on. */
export interface TrainedGain {
  /** How many epochs the model had been trained for. */
  readonly epoch: number;
  /** The gain, in base standard deviations. */
  readonly gain: number;
}

/** The rewards on the images of the evaluations. */
export function measureEvaluations(run: Run): Measured {
  return measure(run, "evaluations", (line) => at(line, "evaluation", "rewards"));
}

/** The rewards on the images that training drew for itself; those of the first epoch are the base model's. */
export function measureBatches(run: Run): Measured {
  return measure(run, "batches", (line) => at(line, "rewards"));
}

/** Evaluations where there are any, else batches. */
export function measureRun(run: Run): Measured {
  const evaluations = measureEvaluations(run);
  return evaluations.rewards.length > 0 ? evaluations : measureBatches(run);
}

/** The names of the rewards of a run: the trained ones, the configured ones, then what else was logged. */
export function rewardNames(run: Run): readonly string[] {
  const { config, lines, manifest } = run;
  const logged = lines.flatMap((line) => [
    ...keysAt(line, "evaluation", "rewards"),
    ...keysAt(line, "rewards"),
  ]);
  return [
    ...new Set([
      ...trainedRewards(run),
      ...textsAt(config, "rewards", "evaluate").map((setting) => loggedName(manifest, setting)),
      ...logged,
    ]),
  ];
}

/** The names of the rewards that a run was trained on, in order. */
export function trainedRewards({ config, manifest }: Run): readonly string[] {
  return Object.keys(combiningIn(config).weights).map((setting) => loggedName(manifest, setting));
}

/** The last point of a reward. */
export function lastOf({ points }: RewardHistory): Point {
  return points.at(-1)!;
}

/** The mean gain of some rewards at each epoch that has all of them. */
export function meanGains(rewards: readonly RewardHistory[]): readonly Omit<Point, "mean" | "std">[] {
  return (rewards[0]?.points ?? []).flatMap(({ epoch }) => {
    const points = rewards.map(({ points }) => points.find((point) => point.epoch === epoch));
    if (!points.every((point) => point !== undefined)) return [];
    const gain = average(points.map((point) => point.gain));
    const errors = points.map((point) => point.error);
    // Rewards judge the same images, so that their errors do not average out.
    const error = errors.every((error) => error !== null) ? average(errors) : null;
    return [{ epoch, gain, error, isChange: isMore(gain, error) }];
  });
}

/** A reward as it was logged. */
interface Logged extends Pick<Point, "epoch" | "mean" | "std"> {
  /** Mean change from the base model's image of the same prompt and seed. */
  readonly change: number | undefined;
  /** Standard error of that change, clustered by prompt; `undefined` where there is one prompt. */
  readonly changeError: number | undefined;
}

function measure(run: Run, source: Measured["source"], rewardsOf: (line: Tree) => unknown): Measured {
  const images = source === "evaluations" ? evaluatedImages(run) : batchImages(run);
  const trained = trainedRewards(run);
  const rewards = rewardNames(run).map((name, index) => {
    const found = run.lines.flatMap((line) => {
      const [mean, std, change, changeError] = ["mean", "std", "change", "change_error"]
        .map((field) => numberAt(rewardsOf(line), name, field));
      return mean === undefined || std === undefined
        ? []
        : [{ epoch: epochOf(line), mean, std, change, changeError }];
    });
    const points = found.map((point) => compare(point, found[0]!, images));
    return { name, isTrained: trained.includes(name), index, points };
  });
  const combining = combiningIn(run.config);
  return {
    source,
    images,
    rewards: rewards.filter(({ points }) => points.length > 0),
    trainedGains: gainsOf(combining, rewards.filter(({ isTrained }) => isTrained)),
    combining: trained.length > 1 ? combining : null,
  };
}

/** What the gains in the training rewards come to. */
function gainsOf(combining: Combining, trained: readonly RewardHistory[]): readonly TrainedGain[] {
  return (trained[0]?.points ?? []).flatMap(({ epoch }) => {
    const gains = trained.map(({ points }) => points.find((point) => point.epoch === epoch)?.gain);
    if (!gains.every((gain) => gain !== undefined)) return [];
    return [{ epoch, gain: combinedGains(combining, gains.map((gain) => [gain]))[0]! }];
  });
}

function compare(logged: Logged, base: Logged, images: number | null): Point {
  const { epoch, mean, std } = logged;
  if (epoch === base.epoch) return { epoch, mean, std, gain: 0, error: 0, isChange: false };
  const gain = (logged.change ?? mean - base.mean) / base.std;
  const error = errorOf(logged, base, images);
  return { epoch, mean, std, gain, error, isChange: isMore(gain, error) };
}

/** The standard error of a gain: of changes image by image where they are known, else as if the images were others. */
function errorOf({ std, change, changeError }: Logged, base: Logged, images: number | null): number | null {
  // Of the images of one prompt there is a change, and no telling how sure it is.
  if (change !== undefined) return changeError === undefined ? null : changeError / base.std;
  return images === null ? null : Math.sqrt((1 + (std / base.std) ** 2) / images);
}

function isMore(gain: number, error: number | null): boolean {
  return error !== null && Math.abs(gain) > LEAST_ERRORS * error;
}

function evaluatedImages({ lines }: Run): number | null {
  const counts = lines.map((line) => numberAt(line, "evaluation", "images"));
  return counts.find((count) => count !== undefined) ?? null;
}

function batchImages({ config }: Run): number | null {
  const size = numberAt(config, "sample", "batch_size");
  const batches = numberAt(config, "sample", "num_batches_per_epoch");
  return size === undefined || batches === undefined ? null : size * batches;
}

/** The name that a reward is logged by: a file's stands in the manifest. */
function loggedName(manifest: Tree, setting: string): string {
  const names = keysAt(manifest, "reward_files");
  return names.find((name) => textAt(manifest, "reward_files", name, "path") === setting) ?? setting;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * Rewards: what an image is worth, with or without its prompt.
 * @module
 */

import type { F32, FloatTensor, Shape, Tensor } from "../core/tensor.ts";
import { showShape } from "../core/tensor.ts";
import type { Value } from "../engine/graph.ts";
import type { DeviceArray } from "../engine/runtime.ts";
import type { Scope } from "../nn/scope.ts";

/** What a reward cannot do without: the images' prompts, or trained weights. */
export type Need = "prompts" | "weights";

/** The scale that a reward's scores are on. */
export interface Scale {
  /** What one is one of: `"KB"`, `"points"`, … */
  readonly unit: string;
  /** The lowest and highest score to expect; where a score has no bounds, what is usual. */
  readonly range: readonly [number, number];
}

/** The scale that a reward's authors report: `factor * score + offset`. */
export interface OfficialScale {
  /** What one is one of there. */
  readonly unit: string;
  /** What scores are multiplied by, above 0. */
  readonly factor: number;
  /** What is added then. */
  readonly offset: number;
}

/** What is known of a reward without computing it. */
export interface RewardInfo {
  /** Its name in configurations and metrics. */
  readonly name: string;
  /** What it cannot do without. */
  readonly needs: readonly Need[];
  /** What its scores mean. */
  readonly scale: Scale;
  /** What its authors report instead; absent where that is the same. */
  readonly official?: OfficialScale;
  /** Whether it has a {@linkcode RewardGraph}, so that its gradient can be trained on; default no. */
  readonly isDifferentiable?: true;
  /** One sentence on what it measures. */
  readonly doc: string;
}

/** A reward as a graph, for methods that differentiate it. */
export interface RewardGraph {
  /** What it reads through its scope, by name, in the engine's layout; others among them are left alone. */
  readonly weights: Readonly<Record<string, DeviceArray>>;
  /**
   * What it reads beside the images.
   *
   * @param prompts One for each image.
   * @param images Their shape, `[B, H, W, 3]`.
   * @returns Tensors by name, whose types depend on the number of prompts and the shape alone.
   */
  inputs(prompts: readonly string[], images: Shape): Readonly<Record<string, Tensor>>;
  /**
   * Scores images, each on its own: what `score` gives them, but for rounding.
   *
   * @param images `[B, H, W, 3]`, RGB in `[0, 1]`.
   * @param inputs Of {@linkcode inputs}.
   * @returns `[B]`, on the reward's {@linkcode Scale}.
   * @throws {TypeError} If the images are none that it can look at.
   */
  build(scope: Scope, images: Value, inputs: Readonly<Record<string, Value>>): Value;
}

/** A reward ready to score. */
export interface Reward extends RewardInfo {
  /** The same as a graph; absent where there is no gradient. */
  readonly graph?: RewardGraph;
  /**
   * Scores images, each on its own: a score does not depend on what else is in the batch.
   *
   * @param images `[B, H, W, 3]`, RGB in `[0, 1]`.
   * @param prompts `B` prompts; rewards that do not need them ignore them.
   * @returns `[B]`, on the reward's {@linkcode Scale}; higher is better.
   * @throws {TypeError} If the images have another shape or there is not one prompt for each.
   * @throws {RangeError} If a score is not finite.
   */
  score(images: FloatTensor, prompts: readonly string[]): Promise<F32>;
}

/** A score, or a mean of scores, on the scale that the reward's authors report. */
export function officialScore({ factor, offset }: OfficialScale, score: number): number {
  return factor * score + offset;
}

/**
 * Checks that images have the shape of images, and that there is a prompt for each.
 *
 * @returns Their number.
 * @throws {TypeError} If not.
 */
export function checkImages({ shape }: FloatTensor, prompts?: readonly string[]): number {
  if (shape.length !== 4 || shape[3] !== 3) {
    throw new TypeError(`Cannot score images as their shape is not [B, H, W, 3]: ${showShape(shape)}`);
  }
  if (prompts !== undefined && prompts.length !== shape[0]) {
    throw new TypeError(
      `Cannot score ${shape[0]} images as there is not one prompt for each: ${prompts.length} prompts`,
    );
  }
  return shape[0]!;
}

/**
 * Checks that all scores are numbers, as an image of NaN must not pass for a score.
 *
 * @throws {RangeError} Naming the reward and the first image that has none.
 */
export function checkScores(name: string, scores: F32): F32 {
  const bad = scores.findIndex((score) => !Number.isFinite(score));
  if (bad !== -1) {
    throw new RangeError(`Cannot use ${name} as its score of image ${bad} is not finite: ${scores[bad]}`);
  }
  return scores;
}

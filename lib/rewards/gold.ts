/**
 * The gold: the taste that the embedded model's trained rewards imitate, and that no run optimises.
 *
 * It stands for the people whom rewards are trained to please, and has what they have: more of a good thing is better
 * only up to a point.
 * @module
 */

import { type Moments, moments } from "../core/moments.ts";
import type { F32, FloatTensor } from "../core/tensor.ts";
import type { DualEncoderConfig } from "./dual_encoder.ts";
import type { Value } from "../engine/graph.ts";
import { add, exp, mul, square, sub } from "../engine/ops/elementwise.ts";
import { type DualEncoderContext, fitGraph, fitter } from "./embedder.ts";
import {
  borderInkGraph,
  colourfulnessGraph,
  mirror,
  sharpnessGraph,
  symmetryGraph,
} from "./measure_graphs.ts";
import { borderInk, colourfulness, measured, sharpness, symmetry } from "./measures.ts";
import { goldClipConfig } from "./mini_configs.ts";
import { checkScores, type Reward, type RewardGraph, type RewardInfo } from "./reward.ts";

/** One `T` for each term of the gold. */
export interface Terms<T> {
  /** How strong the colours are. */
  readonly colourfulness: T;
  /** How sharp the edges are. */
  readonly sharpness: T;
  /** How much the image is its own mirror image. */
  readonly symmetry: T;
  /** How much of the border is drawn on. */
  readonly border_ink: T;
  /** How well the image fits the prompt, in the eyes of the gold's CLIP; the taste for images alone lacks it. */
  readonly alignment?: T;
}

/** The terms of some images, `[B]` each. */
export type GoldTerms = Terms<F32>;

/** The terms' moments over the base model's images: the zero and the unit, above 0, of each. */
export type GoldStatistics = Terms<Moments>;

/** What is known of the reward without its weights. */
export const goldInfo: RewardInfo = {
  name: "gold",
  needs: ["prompts", "weights"],
  scale: { unit: "standard deviations", range: [-12, 12] },
  isDifferentiable: true,
  doc: "The taste that the trained rewards imitate; base images have a little below 0.",
};

/** Measures the terms that need no prompt, of images `[B, H, W, 3]` in `[0, 1]`. */
export function imageTerms(images: FloatTensor): GoldTerms {
  return {
    colourfulness: measured(images, colourfulness),
    sharpness: measured(images, sharpness),
    symmetry: measured(images, symmetry),
    border_ink: measured(images, borderInk),
  };
}

/**
 * The moments of terms over a set of images.
 *
 * @throws {RangeError} If a term is the same in all images.
 */
export function goldStatistics(terms: GoldTerms): GoldStatistics {
  const { alignment, ...others } = terms;
  return {
    colourfulness: momentsOf("colourfulness", others.colourfulness),
    sharpness: momentsOf("sharpness", others.sharpness),
    symmetry: momentsOf("symmetry", others.symmetry),
    border_ink: momentsOf("border_ink", others.border_ink),
    ...alignment && { alignment: momentsOf("alignment", alignment) },
  };
}

/**
 * Reads statistics from JSON.
 *
 * @throws {TypeError} Naming the term whose moments are missing or are no numbers.
 */
export function parseGoldStatistics(json: unknown): GoldStatistics {
  const terms = Object(json) as Readonly<Record<string, unknown>>;
  const read = (name: keyof GoldStatistics): Moments => {
    const { mean, std } = Object(terms[name]) as Readonly<Record<string, unknown>>;
    if (typeof mean !== "number" || typeof std !== "number" || !(std > 0)) {
      throw new TypeError(
        `Cannot read the gold's statistics as those of ${name} are not numbers: ${
          JSON.stringify(terms[name])
        }`,
      );
    }
    return { mean, std };
  };
  return {
    colourfulness: read("colourfulness"),
    sharpness: read("sharpness"),
    symmetry: read("symmetry"),
    border_ink: read("border_ink"),
    ..."alignment" in terms && { alignment: read("alignment") },
  };
}

/**
 * The gold of images: `h(colourfulness) + h(sharpness) + 2 symmetry - 1.5 border_ink + 2 alignment`, with each term in
 * standard deviations from its mean, and {@linkcode hump} as `h`.
 *
 * @returns `[B]`.
 * @throws {TypeError} If there is alignment and the statistics have none.
 */
export function goldScores(terms: GoldTerms, statistics: GoldStatistics): Float32Array<ArrayBuffer> {
  const { alignment } = statistics;
  if (terms.alignment !== undefined && alignment === undefined) {
    throw new TypeError("Cannot compute the gold as its statistics have no alignment");
  }
  const z = (x: number, { mean, std }: Moments) => (x - mean) / std;
  return Float32Array.from(terms.colourfulness, (colour, b) => {
    const looks = hump(z(colour, statistics.colourfulness)) +
      hump(z(terms.sharpness[b]!, statistics.sharpness)) +
      2 * z(terms.symmetry[b]!, statistics.symmetry) -
      1.5 * z(terms.border_ink[b]!, statistics.border_ink);
    return looks + (terms.alignment && alignment ? 2 * z(terms.alignment[b]!, alignment) : 0);
  });
}

/**
 * An inverted U through the origin with slope 1 there: up to 0.97 at `z = 1.5`, back to 0 at 3, towards -1.5 far away on
 * either side; `1.5 (exp(1/2 - (z / 1.5 - 1)² / 2) - 1)`.
 */
export function hump(z: number): number {
  return PEAK * (Math.exp(0.5 - (z / PEAK - 1) ** 2 / 2) - 1);
}

/** Makes the reward. */
export async function gold(
  context: DualEncoderContext & { readonly statistics: GoldStatistics },
  config: DualEncoderConfig = goldClipConfig,
): Promise<Reward> {
  const fits = await fitter(config, context);
  return {
    ...goldInfo,
    graph: goldGraph(config, context),
    score: async (images, prompts) => {
      const alignment = (await fits(images, prompts)).data;
      const terms = { ...imageTerms(images), alignment };
      return checkScores(goldInfo.name, goldScores(terms, context.statistics));
    },
  };
}

/** {@linkcode goldScores} of images and prompts as a graph. */
function goldGraph(
  config: DualEncoderConfig,
  context: DualEncoderContext & { readonly statistics: GoldStatistics },
): RewardGraph {
  const fits = fitGraph(config, context);
  const { colourfulness, sharpness, symmetry, border_ink, alignment } = context.statistics;
  const z = (x: Value, { mean, std }: Moments) => mul(sub(x, mean), 1 / std);
  const humped = (z: Value) => mul(sub(exp(sub(0.5, mul(square(sub(mul(z, 1 / PEAK), 1)), 0.5))), 1), PEAK);
  return {
    weights: context.weights,
    inputs: (prompts, images) => ({ ...fits.inputs(prompts, images), ...mirror(images[2]!) }),
    build: (scope, images, inputs) => {
      if (alignment === undefined) {
        throw new TypeError("Cannot compute the gold as its statistics have no alignment");
      }
      const terms = [
        humped(z(colourfulnessGraph(images), colourfulness)),
        humped(z(sharpnessGraph(images), sharpness)),
        mul(z(symmetryGraph(images, inputs), symmetry), 2),
        mul(z(borderInkGraph(images), border_ink), -1.5),
        mul(z(fits.build(scope, images, inputs), alignment), 2),
      ];
      return terms.reduce(add);
    },
  };
}

/** Where the hump is highest, in standard deviations. */
const PEAK = 1.5;

function momentsOf(name: string, values: F32): Moments {
  const { mean, std } = moments(values);
  if (!(std > 0)) {
    throw new RangeError(
      `Cannot use ${name} in the gold as it is the same in all ${values.length} images: ${mean}`,
    );
  }
  return { mean, std };
}

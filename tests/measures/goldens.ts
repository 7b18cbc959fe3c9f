/**
 * The golden measures of `tests/golden/measures.py`.
 * @module
 */

import type { PrecisionRecall } from "../../lib/measures/precision_recall.ts";
import { goldenRecord, goldenTensors } from "../golden_files.ts";

/** Embeddings of some prompts' images, all seeds of a prompt in a row, and what is known of them. */
export interface EmbeddingsCase {
  readonly seeds: number;
  readonly prompts: number;
  readonly variety: Readonly<
    Record<
      "within" | "vendi" | "vendi_of_all" | "near_duplicates" | "directions" | "truncated_entropy",
      number
    >
  >;
  readonly fidelity: Readonly<Record<"kid" | "kid_of_pairs" | "cmmd", number>> & {
    readonly neighbours: Readonly<Record<string, PrecisionRecall>>;
  };
}

/** Everything. */
export interface Goldens {
  readonly embeddings: Readonly<Record<string, EmbeddingsCase>>;
  /** Scores `[3, N]` of a trained and two watched rewards; gains of each, and of the mean of the watched. */
  readonly rewards: {
    readonly base: readonly (readonly number[])[];
    readonly adapted: readonly (readonly number[])[];
    readonly mean: readonly number[];
    readonly standard_error: readonly number[];
  };
  readonly curve: {
    readonly points: readonly (readonly [number, number])[];
    readonly matched: readonly (number | null)[];
    readonly onset: number;
    readonly area: number;
    readonly drop: number;
  };
  readonly looks: readonly Readonly<
    Record<
      "seed" | "height" | "width" | "saturation" | "contrast" | "colour_entropy" | "grid_peak",
      number
    >
  >[];
}

/** What they say. */
export const goldens = await goldenRecord<Goldens>("measures");

/** Their embeddings, `CASE.base` and `CASE.adapted`. */
export const goldenEmbeddings = await goldenTensors("measures");

/** Measures whose oracle has a value are allowed this share of it. */
export const TOL = 1e-5;

/** The prompts of a case's images. */
export function promptsOf({ seeds, prompts }: EmbeddingsCase): readonly string[] {
  return Array.from({ length: seeds * prompts }, (_, n) => `prompt ${Math.floor(n / seeds)}`);
}

/**
 * How different images are from each other, and whether they still show what was asked for, by their embeddings.
 * @module
 */

import type { FloatTensor } from "../core/tensor.ts";
import { checkCount, dotProduct, matrixShape, sharedShape } from "./embeddings.ts";

/** Mean distances between images, where the distance of two is `1 - cos` of their embeddings, in `[0, 2]`. */
export interface Diversity {
  /** Between images of one prompt, the mean over prompts; NaN where no prompt has two images. */
  readonly within: number;
  /** Between images of different prompts; NaN where there is one prompt. */
  readonly between: number;
}

/**
 * Measures the diversity of images.
 *
 * @param embeddings `[N, D]`, of length 1.
 * @param prompts `N` prompts.
 * @throws {TypeError} If there is not one prompt for each embedding.
 */
export function diversity(embeddings: FloatTensor, prompts: readonly string[]): Diversity {
  const [count] = matrixShape(embeddings);
  checkCount("prompts", prompts.length, count);
  const groups = [...Map.groupBy(prompts.keys(), (n) => prompts[n]!).values()];
  const within: number[] = [];
  let otherPairs = count * count, otherCosines = cosineSum(embeddings, prompts.keys());
  for (const group of groups) {
    const cosines = cosineSum(embeddings, group);
    otherPairs -= group.length ** 2;
    otherCosines -= cosines;
    // An image's cosine with itself is no pair.
    if (group.length > 1) {
      within.push(1 - (cosines - group.length) / (group.length * (group.length - 1)));
    }
  }
  return { within: mean(within), between: otherPairs > 0 ? 1 - otherCosines / otherPairs : NaN };
}

/** How well images match texts. */
export interface Retrieval {
  /** The share of images whose own text is nearer than every other, in `[0, 1]`. */
  readonly accuracy: number;
  /** The mean cosine of an image and its own text, in `[-1, 1]`. */
  readonly alignment: number;
}

/**
 * Measures whether images can be told by texts: is, of all texts, the image's own the nearest?
 *
 * @param images `[N, D]`, of length 1.
 * @param texts `[M, D]`, of length 1, all different.
 * @param targets The number of each image's own text.
 * @throws {TypeError} If widths differ or there is not one target for each image.
 * @throws {RangeError} If a target is no text.
 */
export function retrieval(images: FloatTensor, texts: FloatTensor, targets: readonly number[]): Retrieval {
  const [count, choices, width] = sharedShape(images, texts);
  checkCount("targets", targets.length, count);
  const cosine = (n: number, m: number) => dotProduct(images, n, texts, m, width);
  let hits = 0, total = 0;
  targets.forEach((target, n) => {
    if (!Number.isInteger(target) || target < 0 || target >= choices) {
      throw new RangeError(`Cannot find image ${n} by its text as there are ${choices}: number ${target}`);
    }
    const own = cosine(n, target);
    total += own;
    let best = true;
    for (let m = 0; m < choices && best; m++) best = m === target || cosine(n, m) < own;
    if (best) hits++;
  });
  return { accuracy: hits / count, alignment: total / count };
}

/** The sum of the cosines of all ordered pairs of some rows, an image with itself among them: `|Σ e|²`. */
function cosineSum({ data, shape }: FloatTensor, rows: Iterable<number>): number {
  const sum = new Float64Array(shape[1]!);
  for (const row of rows) {
    for (let d = 0; d < sum.length; d++) sum[d]! += data[row * sum.length + d]!;
  }
  return sum.reduce((total, x) => total + x * x, 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

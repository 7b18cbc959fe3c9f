/**
 * Synthetic preferences: what people would say whose taste is a known score.
 * @module
 */

import type { F32, U32 } from "../core/tensor.ts";
import { fold, integers, type Key, uniforms } from "../core/random.ts";

/** Images in the order of preference, `count` rankings of `size` images each. */
export interface Rankings {
  /** Number of rankings `N`. */
  readonly count: number;
  /** Images in each, `K`; 2 for pairs. */
  readonly size: number;
  /** `[N, K]`: numbers of images, from the best to the worst. */
  readonly images: U32;
}

/** How {@linkcode sampleRankings} draws. */
export interface RankingOptions {
  /** Rankings to draw, `N`. */
  readonly count: number;
  /** Images in each, `K`, at least 2; default 2, which makes pairs. */
  readonly size?: number;
  /** Doubt, in units of the score, above 0: a pair that differs by so much is ordered right with odds of e to 1. Default 0.5. */
  readonly temperature?: number;
  /** Share of rankings to turn round, in `[0, 1]`: carelessness. Default 0. */
  readonly flips?: number;
  /** The prompt of each image, as any value; a ranking is then of one prompt's images. Default: all are comparable. */
  readonly groups?: readonly unknown[];
}

/**
 * Draws rankings by Plackett and Luce's model from the score behind them, in which of any two images the first is
 * preferred with probability `σ((g₁ - g₂) / temperature)`: Bradley and Terry's model.
 *
 * A ranking's first image is drawn evenly from all images that have enough others in their group, its others evenly
 * from those. The same key gives the same rankings.
 *
 * @param scores `[M]`: the score of each image.
 * @throws {RangeError} If an option is out of range, or no group has enough images.
 */
export function sampleRankings(scores: F32, from: Key, options: RankingOptions): Rankings {
  const { count, size = 2, temperature = 0.5, flips = 0, groups } = options;
  if (size < 2 || !(temperature > 0) || !(flips >= 0 && flips <= 1)) {
    throw new RangeError(
      `Cannot draw rankings as an option is out of range: size ${size}, temperature ${temperature}, flips ${flips}`,
    );
  }
  const members = [...Map.groupBy(scores.keys(), (image) => groups?.[image]).values()]
    .filter((group) => group.length >= size);
  const groupOf = new Map(members.flatMap((group) => group.map((image) => [image, group] as const)));
  const candidates = [...groupOf.keys()];
  if (candidates.length === 0) {
    throw new RangeError(
      `Cannot draw rankings of ${size} as no group has so many images: ${scores.length} in all`,
    );
  }
  const images = new Uint32Array(count * size);
  for (let n = 0; n < count; n++) {
    const draw = fold(from, n);
    const first = candidates[integers(fold(draw, "first"), 1, candidates.length)[0]!]!;
    const chosen = drawOthers(first, groupOf.get(first)!, size, fold(draw, "others"));
    const noise = uniforms(fold(draw, "doubt"), size + 1);
    const utility = chosen.map((image, i) =>
      [image, scores[image]! / temperature + gumbel(noise[i]!)] as const
    );
    const ranking = utility.toSorted((a, b) => b[1] - a[1]).map(([image]) => image);
    images.set(noise[size]! < flips ? ranking.toReversed() : ranking, n * size);
  }
  return { count, size, images };
}

/** Some more of a group, none twice: the first of a partial Fisher-Yates order. */
function drawOthers(first: number, group: readonly number[], size: number, from: Key): number[] {
  const pool = group.filter((image) => image !== first);
  const draws = uniforms(from, size - 1);
  const chosen = [first];
  for (let i = 0; i < size - 1; i++) {
    const j = i + Math.floor(draws[i]! * (pool.length - i));
    [pool[i], pool[j]] = [pool[j]!, pool[i]!];
    chosen.push(pool[i]!);
  }
  return chosen;
}

/** A number of Gumbel's distribution from one of 24 bits in `[0, 1)`. */
function gumbel(uniform: number): number {
  return -Math.log(-Math.log(uniform + 2 ** -25));
}

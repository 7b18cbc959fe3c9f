/**
 * Timesteps as vectors of sines and cosines.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { add, cos, floor, mul, sin, sub, where } from "../engine/ops/elementwise.ts";
import { vector } from "../engine/ops/vector.ts";
import { expand } from "../engine/ops/views.ts";

/** Settings of the embedding, named as in diffusers' configs. */
export interface TimestepEmbeddingOptions {
  /** Whether the cosines come first. */
  readonly flip_sin_to_cos: boolean;
  /** What is taken from the number of frequencies when they are spaced. */
  readonly freq_shift: number;
}

/** The longest period, in units of `2π` timesteps. */
const MAX_PERIOD = 10000;
/** `2π` in two parts: a multiple of it by the first is exact for the up to 2^12 turns that timesteps make. */
const TURN = [6.28125, 2 * Math.PI - 6.28125] as const;

/**
 * Sinusoidal embedding (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762):
 * the sines and cosines of `t * 10000^(-i / (channels/2 - freq_shift))`.
 *
 * The frequencies are rounded as PyTorch rounds them, and the angles are reduced to one turn around 0 because shaders
 * promise no precision beyond.
 *
 * @param timesteps `[B]`, at least 0.
 * @param channels Width of the embedding, even.
 * @returns `[B, channels]`.
 * @throws {RangeError} If `channels` is odd.
 */
export function timestepEmbedding(
  timesteps: Value,
  channels: number,
  { flip_sin_to_cos, freq_shift }: TimestepEmbeddingOptions,
): Value {
  if (channels % 2 !== 0) {
    throw new RangeError(
      `Cannot embed timesteps as half the channels are sines and half cosines: ${channels} channels`,
    );
  }
  const half = channels / 2;
  const frequencies = Array.from({ length: half }, (_, i) => frequency(i, half - freq_shift));
  const ones = Array<number>(half).fill(1);
  const zeros = Array<number>(half).fill(0);
  const isCosine = vector(flip_sin_to_cos ? [...ones, ...zeros] : [...zeros, ...ones]);
  const angles = reduceAngle(mul(expand(timesteps, 1), vector([...frequencies, ...frequencies])));
  return where(isCosine, cos(angles), sin(angles));
}

function frequency(i: number, count: number): number {
  return Math.exp(Math.fround(Math.fround(Math.fround(-Math.log(MAX_PERIOD)) * i) / count));
}

/** Brings angles to `[-π, π]`. */
function reduceAngle(angle: Value): Value {
  const turns = floor(add(mul(angle, 1 / (2 * Math.PI)), 0.5));
  return sub(sub(angle, mul(turns, TURN[0])), mul(turns, TURN[1]));
}

/**
 * From the scores of several training rewards to one number an image.
 * @module
 */

import { type Moments, moments } from "../../core/moments.ts";
import type { F32 } from "../../core/tensor.ts";
import { type Normalise, standard } from "../prompt_statistics.ts";
import type { Combination } from "./combination.ts";
import { ascended, lagrangian } from "./lagrangian.ts";
import type { RewardMemory } from "./reward_memory.ts";
import { momentsOf, withValues } from "./running_moments.ts";
import { weightedMean } from "./weighted_mean.ts";
import { worstCase } from "./worst_case.ts";

/** What several rewards come to. */
export interface CombinedRewards {
  /** `[N]`: what is raised, in standard deviations. */
  readonly rewards: Float32Array<ArrayBuffer>;
  /** The memory with the batch taken in. */
  readonly memory: RewardMemory;
}

/** Scores `[N]` of rewards by their names. */
type Scores = Readonly<Record<string, F32>>;

/** Numbers `[N]` of rewards by their names. */
type Columns = Readonly<Record<string, ArrayLike<number>>>;

/**
 * Takes the batch's scores in, then combines them.
 *
 * With `z_i = (r_i - μ_i) / (σ_i + 1e-6)`, where `μ_i, σ_i` are those of all scores so far, this batch's among them:
 *
 * - `weighted_z`: `Σ w_i z_i / Σ w_i`;
 * - `worst_case`: `min_i z_i`, or softer;
 * - `constraints`: `z_0 + Σ λ_i (r_i - level_i) / (σ_i + 1e-6)` with the multipliers `λ` of before the batch, which then rise where
 *   the batch's mean is below its level and fall where it is above. A level that is not given is the mean of the first batch,
 *   which the base model draws;
 * - `per_reward`: `Σ w_i a_i / Σ w_i`, with `a_i` normalised as a single reward would be; after Liu et al. 2026,
 *   https://arxiv.org/abs/2601.05242.
 *
 * @param scores Of all training rewards, and maybe of others.
 * @param normalise How `per_reward` normalises each.
 * @throws {RangeError} If there is no image, or a score is missing or not finite.
 */
export function combineRewards(
  memory: RewardMemory,
  scores: Readonly<Record<string, F32>>,
  combination: Combination,
  normalise: Normalise,
): CombinedRewards {
  const own = ownScores(scores, Object.keys(combination.weights));
  if (combination.combine === "per_reward") return perReward(memory, own, combination, normalise);
  const running = mapped(own, (name, column) => withValues(memory.moments[name], column));
  const zScores = mapped(own, (name, column) => standardised(column, momentsOf(running[name]!)));
  const known = { ...memory, moments: running };
  switch (combination.combine) {
    case "weighted_z":
      return { rewards: rounded(weightedMean(zScores, combination.weights)), memory: known };
    case "worst_case":
      return { rewards: rounded(worstCase(zScores, combination.worst_case.softness)), memory: known };
    case "constraints":
      return constrained(known, own, zScores, combination);
  }
}

function perReward(
  memory: RewardMemory,
  scores: Scores,
  { weights }: Combination,
  normalise: Normalise,
): CombinedRewards {
  const normalised = mapped(
    scores,
    (name, column) => normalise(memory.promptStatistics[name] ?? {}, column),
  );
  return {
    rewards: rounded(weightedMean(mapped(normalised, (_, { rewards }) => rewards), weights)),
    memory: { ...memory, promptStatistics: mapped(normalised, (_, { statistics }) => statistics) },
  };
}

function constrained(
  memory: RewardMemory,
  scores: Scores,
  zScores: Columns,
  { constraints }: Combination,
): CombinedRewards {
  const [first, ...others] = Object.keys(scores) as [string, ...string[]];
  const kept = Object.fromEntries(others.map((name) => [name, scores[name]!]));
  const levels = mapped(
    kept,
    (name, column) => constraints.levels[name] ?? memory.levels[name] ?? moments(column).mean,
  );
  const bars = mapped(levels, (name, mean) => ({ mean, std: momentsOf(memory.moments[name]!).std }));
  const slacks = mapped(kept, (name, column) => standardised(column, bars[name]!));
  const meanSlacks = mapped(kept, (name, column) => standard(moments(column).mean, bars[name]!));
  return {
    rewards: rounded(lagrangian(zScores[first]!, slacks, memory.multipliers)),
    memory: { ...memory, levels, multipliers: ascended(memory.multipliers, meanSlacks, constraints) },
  };
}

/** The training rewards' scores, whole. */
function ownScores(scores: Scores, names: readonly string[]): Scores {
  for (const name of names) {
    if (scores[name]?.length === 0) throw new RangeError("Cannot combine rewards as there are no images");
    const bad = scores[name]?.findIndex((score) => !Number.isFinite(score));
    if (bad === -1) continue;
    throw new RangeError(
      bad === undefined
        ? `Cannot combine rewards as one has no scores: ${name}`
        : `Cannot combine rewards as ${name}'s score of image ${bad} is not finite: ${scores[name]![bad]}`,
    );
  }
  return Object.fromEntries(names.map((name) => [name, scores[name]!]));
}

function mapped<A, B>(
  record: Readonly<Record<string, A>>,
  make: (name: string, value: A) => B,
): Readonly<Record<string, B>> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, make(name, value)]));
}

function standardised(column: F32, basis: Moments): Float64Array<ArrayBuffer> {
  return Float64Array.from(column as ArrayLike<number>, (score) => standard(score, basis));
}

function rounded(xs: Float64Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(xs);
}

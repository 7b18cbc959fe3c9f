/**
 * The third stage: from one reward an image to one temporal reward a step.
 * @module
 */

import { moments } from "../core/moments.ts";
import { type F32, type FloatTensor, tensor } from "../core/tensor.ts";
import type { Context } from "./context.ts";
import type { Normalise } from "./prompt_statistics.ts";
import type { Critiqued, Explained, Scored, State } from "./records.ts";
import { trainingRewards } from "./training_rewards.ts";

/**
 * Turns rewards and critic residuals into one temporal reward per denoising step.
 *
 * Rewards are combined, where there are several, and normalised per prompt: see {@linkcode trainingRewards};
 * `returns[n, t] = k[n, t] + γ returns[n, t+1]` with the reward added to the last step's penalty `k[n, T-1]`;
 * `temporalRewards = (returns - residuals - μ) / (σ + 1e-8)`, with `μ, σ` over all samples and steps.
 *
 * Penalties, where asked for, are `k = kl_penalty_coef (log p_base - log p)` of the steps taken, whose mean over the noise of a step
 * is minus its divergence from the base model. The divergence itself would teach nothing about the step that it is of, as it does not
 * depend on where that leads. The reference implementation's estimate has a bias (quirk 19).
 *
 * See Zhang et al. 2024, https://arxiv.org/abs/2402.08552.
 *
 * @returns The record with `returns` and `temporalRewards` `[N, T]` added, how much of the returns the critic explains, and
 * what is remembered of the rewards.
 * @throws {RangeError} If there are no samples.
 * @throws {TypeError} If there is no critic.
 */
export function critique(state: State, scored: Scored, ctx: Pick<Context, "options">): Critiqued {
  const { rewards, ...learnt } = trainingRewards(state, scored, ctx.options);
  const returns = returnsOf(rewards, scored, ctx);
  const { observed } = scored;
  if (observed === null) throw new TypeError("Cannot take residuals off the returns as there is no critic");
  return {
    ...scored,
    returns,
    temporalRewards: temporalRewards(returns, observed.residuals),
    explained: explainedBy(returns, observed.residuals),
    ...learnt,
  };
}

/**
 * The same stage without a critic: each step is worth what is to be had from there on, which is the image's normalised reward
 * unless steps are penalised or discounted.
 *
 * @param normalise How the method normalises rewards; default as {@linkcode trainingRewards} does.
 */
export function critiqueReturns(
  state: State,
  scored: Scored,
  ctx: Pick<Context, "options">,
  normalise?: Normalise,
): Critiqued {
  const { rewards, ...learnt } = trainingRewards(state, scored, ctx.options, normalise);
  const returns = returnsOf(rewards, scored, ctx);
  return { ...scored, returns, temporalRewards: returns, explained: null, ...learnt };
}

/** One number a sample as `[N, T]`, the same at every step. */
export function spread(values: F32, steps: number): FloatTensor {
  const each = Float32Array.from({ length: values.length * steps }, (_, i) => values[Math.floor(i / steps)]!);
  return tensor([values.length, steps], each);
}

/**
 * Returns `[N, T]` from one reward an image and, where there are any, one penalty a step.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { discountedReturns, tensor } from "@attune/attune";
 *
 * const returns = discountedReturns(new Float32Array([8]), 4, null, 0.5);
 * assertEquals(returns, tensor([1, 4], [1, 2, 4, 8]));
 * ```
 *
 * @param rewards `[N]`.
 * @param penalties `[N, T]`, or `null`.
 * @param gamma How much less a step counts than the next.
 */
export function discountedReturns(
  rewards: F32,
  steps: number,
  penalties: FloatTensor | null,
  gamma: number,
): FloatTensor {
  const out = new Float32Array(rewards.length * steps);
  for (let n = 0; n < rewards.length; n++) {
    let next = 0;
    for (let t = steps - 1; t >= 0; t--) {
      const own = (penalties?.data[n * steps + t] ?? 0) + (t === steps - 1 ? rewards[n]! : 0);
      next = own + gamma * next;
      out[n * steps + t] = next;
    }
  }
  return tensor([rewards.length, steps], out);
}

/**
 * Returns less residuals, with mean 0 and deviation 1 over all samples and steps.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { temporalRewards, tensor } from "@attune/attune";
 *
 * const rewards = temporalRewards(tensor([2, 2], [1, 5, 2, 4]), tensor([2, 2], [0, 2, 1, 3]));
 * assertEquals(rewards.data.map(Math.round), tensor([2, 2], [-1, 2, -1, -1]).data);
 * ```
 */
export function temporalRewards(returns: FloatTensor, residuals: FloatTensor): FloatTensor {
  const gains = Float64Array.from(returns.data as ArrayLike<number>, (g, i) => g - residuals.data[i]!);
  const { mean, std } = moments(gains);
  return tensor(returns.shape, Float32Array.from(gains, (gain) => (gain - mean) / (std + 1e-8)));
}

/** Returns `[N, T]` of rewards `[N]`, with what the samples' divergence from the base model costs. */
function returnsOf(
  rewards: F32,
  { logProbs, baseLogProbs }: Scored,
  { options }: Pick<Context, "options">,
): FloatTensor {
  const penalties = baseLogProbs &&
    tensor(
      logProbs.shape,
      logProbs.data.map((logProb, i) => options.kl_penalty_coef * (baseLogProbs.data[i]! - logProb)),
    );
  return discountedReturns(rewards, logProbs.shape[1]!, penalties, options.gamma);
}

/** The part of the returns' variance that the critic explains, over all and by step: 1 - var(G - R) / var(G). */
function explainedBy(returns: FloatTensor, residuals: FloatTensor): Explained {
  const [samples, steps] = returns.shape as readonly [number, number];
  const part = (positions: readonly number[]) => {
    const g = positions.map((i) => returns.data[i]!);
    const total = moments(g).std ** 2;
    return total === 0
      ? 0
      : 1 - moments(positions.map((i, n) => g[n]! - residuals.data[i]!)).std ** 2 / total;
  };
  const at = (t: number) => Array.from({ length: samples }, (_, n) => n * steps + t);
  return {
    variance: part(Array.from({ length: samples * steps }, (_, i) => i)),
    byStep: Array.from({ length: steps }, (_, t) => part(at(t))),
  };
}

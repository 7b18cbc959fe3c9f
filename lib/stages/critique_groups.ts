/**
 * The third stage without a critic, by comparison with others of the same prompt.
 * @module
 */

import { moments } from "../core/moments.ts";
import type { F32 } from "../core/tensor.ts";
import type { Context } from "./context.ts";
import { critiqueReturns } from "./critique.ts";
import type { Normalise } from "./prompt_statistics.ts";
import type { Critiqued, Scored, State } from "./records.ts";

/** Deviations that are taken for none. */
const NO_DEVIATION = 1e-8;

/**
 * Weighs every step by how much better the image is than the others of its group: see {@linkcode groupAdvantages}.
 *
 * See Shao et al. 2024, https://arxiv.org/abs/2402.03300, and Liu et al. 2025, https://arxiv.org/abs/2505.05470. Groups in which
 * all are worth the same teach nothing.
 */
export function critiqueGroups(state: State, scored: Scored, ctx: Pick<Context, "options">): Critiqued {
  const { sample, train } = ctx.options;
  const byGroup: Normalise = (statistics, rewards) => ({
    rewards: groupAdvantages(rewards, sample.group_size, train.group_std),
    statistics,
  });
  return critiqueReturns(state, scored, ctx, byGroup);
}

/**
 * Rewards relative to their groups: `(r - mean_g) / (std + 1e-4)`; 0 in a group where all are the same.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { groupAdvantages } from "@attune/attune";
 *
 * const advantages = groupAdvantages(Float32Array.of(1, 3, 5, 5), 2, "group");
 * assertEquals([...advantages].map(Math.round), [-1, 1, 0, 0]);
 * ```
 *
 * @param rewards `[N]`, group after group.
 * @param size Samples of a group.
 * @param std Whose deviation: the group's, or that of all rewards.
 */
export function groupAdvantages(
  rewards: F32,
  size: number,
  std: "group" | "global",
): Float32Array<ArrayBuffer> {
  const ofAll = moments(rewards);
  const groups = Array.from({ length: rewards.length / size }, (_, g) => {
    const group = Array.from(rewards.slice(g * size, (g + 1) * size) as ArrayLike<number>);
    const own = moments(group);
    if (own.std < NO_DEVIATION) return group.map(() => 0);
    const scale = (std === "group" ? own : ofAll).std + 1e-4;
    return group.map((reward) => (reward - own.mean) / scale);
  });
  return Float32Array.from(groups.flat());
}

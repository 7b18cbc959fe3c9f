/**
 * The state a run begins with.
 * @module
 */

import { fold, key } from "../core/random.ts";
import { initParams } from "../nn/scope.ts";
import { newOptimizer } from "../optim/adamw.ts";
import { packParams } from "../optim/flat.ts";
import { emptyMemory } from "./combine/reward_memory.ts";
import type { Context } from "./context.ts";
import type { State } from "./records.ts";

/** The state before the first epoch: the policy is the base model, the critic as it is initialised. */
export function initialState(
  { options, models, layouts, basePolicy }: Pick<Context, "options" | "models" | "layouts" | "basePolicy">,
): State {
  const root = key(options.seed);
  const { specs, isWhole = false } = models.policy;
  const policy = isWhole ? basePolicy : packParams(layouts.policy, initParams(specs, fold(root, "policy")));
  return {
    epoch: 0,
    key: root,
    policy: newOptimizer(policy, options.reset.of === "policy"),
    critic: layouts.critic && newOptimizer(
      packParams(layouts.critic, initParams(models.critic.specs, fold(root, "critic"))),
      true,
    ),
    ema: options.train.ema_decay === null ? null : policy,
    promptStatistics: {},
    rewardMemory: emptyMemory,
    rewardQueries: 0,
  };
}

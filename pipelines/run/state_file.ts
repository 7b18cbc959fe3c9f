/**
 * The state of a run as a checkpoint keeps it: tensors by name, and a few numbers beside them.
 *
 * @module
 */

import type { Key } from "../../lib/core/random.ts";
import { type F32, type ParamTree, tensor } from "../../lib/core/tensor.ts";
import type { OptimizerState } from "../../lib/optim/adamw.ts";
import { type FlatLayout, packParams, unpackParams } from "../../lib/optim/flat.ts";
import type { RewardMemory } from "../../lib/stages/combine/reward_memory.ts";
import type { PromptStatistics } from "../../lib/stages/prompt_statistics.ts";
import type { State } from "../../lib/stages/records.ts";
import type { Layouts } from "../../lib/stages/training_graphs.ts";

/** What of a state is no tensor. */
export interface Counters {
  /** Epochs that are complete. */
  readonly epoch: number;
  /** The run's key. */
  readonly key: Key;
  /** Optimizer steps of the policy, and of the critic if there is one. */
  readonly steps: { readonly policy: number; readonly critic?: number | undefined };
  /** Images judged in order to train. */
  readonly reward_queries: number;
  /** What is remembered of several training rewards, but for their prompts' scores. */
  readonly reward_memory: Omit<RewardMemory, "promptStatistics">;
}

/** A state in its two parts. */
export interface SavedState {
  /**
   * `policy/<parameter>`, `policy.m/…`, `policy.v/…`, the same of a critic, `policy.ema/…` if there is a running mean,
   * `prompt_statistics/<prompt>` and `reward_statistics/<reward>/<prompt>`.
   */
  readonly tensors: ParamTree;
  /** The rest. */
  readonly counters: Counters;
}

/** Takes a state apart; parameters have their checkpoint's names and layout. */
export function packState(state: State, layouts: Layouts): SavedState {
  const { promptStatistics, ...reward_memory } = state.rewardMemory;
  return {
    tensors: {
      ...packOptimizer("policy", state.policy, layouts.policy),
      ...state.critic && layouts.critic && packOptimizer("critic", state.critic, layouts.critic),
      ...state.ema && packVector(EMA, state.ema, layouts.policy),
      ...packStatistics(STATISTICS, state.promptStatistics),
      ...Object.assign(
        {},
        ...Object.entries(promptStatistics).map(([reward, own]) =>
          packStatistics(`${OF_REWARDS}/${reward}`, own)
        ),
      ),
    },
    counters: {
      epoch: state.epoch,
      key: state.key,
      steps: { policy: state.policy.step, ...state.critic && { critic: state.critic.step } },
      reward_queries: state.rewardQueries,
      reward_memory,
    },
  };
}

/**
 * Puts a state together again, bit for bit.
 *
 * @throws {TypeError} If a parameter is missing or has another shape.
 */
export function unpackState({ tensors, counters }: SavedState, layouts: Layouts): State {
  const mean = below(tensors, `${EMA}/`);
  return {
    epoch: counters.epoch,
    key: counters.key,
    policy: unpackOptimizer("policy", tensors, layouts.policy, counters.steps.policy),
    critic: layouts.critic && unpackOptimizer("critic", tensors, layouts.critic, counters.steps.critic ?? 0),
    ema: Object.keys(mean).length === 0 ? null : packParams(layouts.policy, mean),
    promptStatistics: unpackStatistics(below(tensors, `${STATISTICS}/`)),
    rewardMemory: {
      ...counters.reward_memory,
      promptStatistics: statisticsOfRewards(below(tensors, `${OF_REWARDS}/`)),
    },
    rewardQueries: counters.reward_queries,
  };
}

const STATISTICS = "prompt_statistics";
const EMA = "policy.ema";
const OF_REWARDS = "reward_statistics";

/** What an optimizer keeps for each parameter, by what follows its name. */
const VECTORS = { params: "", m: ".m", v: ".v", since: ".since" } as const;

function packOptimizer(name: string, optimizer: OptimizerState, layout: FlatLayout): ParamTree {
  return Object.fromEntries(
    Object.entries(VECTORS).flatMap(([vector, suffix]) => {
      const flat = optimizer[vector as keyof typeof VECTORS];
      if (flat === null) return [];
      return Object.entries(packVector(`${name}${suffix}`, flat, layout));
    }),
  );
}

function packVector(name: string, flat: F32, layout: FlatLayout): ParamTree {
  return Object.fromEntries(
    Object.entries(unpackParams(layout, flat)).map(([param, values]) => [`${name}/${param}`, values]),
  );
}

function unpackOptimizer(
  name: string,
  tensors: ParamTree,
  layout: FlatLayout,
  step: number,
): OptimizerState {
  const vector = (suffix: string): F32 => packParams(layout, below(tensors, `${name}${suffix}/`));
  const countsEach = Object.keys(tensors).some((tensor) => tensor.startsWith(`${name}${VECTORS.since}/`));
  return {
    params: vector(VECTORS.params),
    m: vector(VECTORS.m),
    v: vector(VECTORS.v),
    step,
    since: countsEach ? vector(VECTORS.since) : null,
  };
}

function packStatistics(name: string, statistics: PromptStatistics): ParamTree {
  return Object.fromEntries(
    Object.entries(statistics).map((
      [prompt, scores],
    ) => [`${name}/${prompt}`, tensor([scores.length], scores)]),
  );
}

function unpackStatistics(tensors: ParamTree): PromptStatistics {
  return Object.fromEntries(
    Object.entries(tensors).map(([prompt, { data }]) => [prompt, Array.from(data as ArrayLike<number>)]),
  );
}

/** Names of rewards have no slash, prompts may. */
function statisticsOfRewards(tensors: ParamTree): RewardMemory["promptStatistics"] {
  const rewards = new Set(Object.keys(tensors).map((name) => name.slice(0, name.indexOf("/"))));
  return Object.fromEntries(
    [...rewards].map((reward) => [reward, unpackStatistics(below(tensors, `${reward}/`))]),
  );
}

/** The tensors whose names begin so, by the rest of their names. */
function below(tensors: ParamTree, prefix: string): ParamTree {
  return Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, param]) => [name.slice(prefix.length), param]),
  );
}

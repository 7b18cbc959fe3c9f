import { assertEquals, assertThrows } from "@std/assert";
import { checkCombination, type Combination } from "../../../lib/stages/combine/combination.ts";
import { combineRewards } from "../../../lib/stages/combine/combine_rewards.ts";
import { ascended, lagrangian, type PerConstraint } from "../../../lib/stages/combine/lagrangian.ts";
import { emptyMemory } from "../../../lib/stages/combine/reward_memory.ts";
import { momentsOf } from "../../../lib/stages/combine/running_moments.ts";
import { worstCase } from "../../../lib/stages/combine/worst_case.ts";
import { normaliseRewards } from "../../../lib/stages/prompt_statistics.ts";
import { trainingRewards } from "../../../lib/stages/training_rewards.ts";
import { assertClose } from "../../assert_close.ts";
import { goldenRecord } from "../../golden_files.ts";

interface Golden {
  readonly weights: Readonly<Record<string, number>>;
  readonly softness: number;
  readonly tracking: { readonly buffer_size: number; readonly min_count: number };
  readonly constraints: Combination["constraints"];
  readonly batches: readonly {
    readonly prompts: readonly string[];
    readonly scores: Readonly<Record<string, readonly number[]>>;
    readonly mean: readonly number[];
    readonly std: readonly number[];
    readonly combined: Readonly<Record<string, readonly number[]>>;
    readonly levels: readonly number[];
    readonly multipliers: readonly number[];
  }[];
}

const golden = await goldenRecord<Golden>("combine");
const names = Object.keys(golden.weights);
const alike = Object.fromEntries(names.map((name) => [name, 1]));
const plain: Combination = {
  combine: "weighted_z",
  weights: golden.weights,
  constraints: { learning_rate: 1, max: 10, levels: {} },
  worst_case: { softness: 0 },
};
const cases: Readonly<Record<string, Combination>> = {
  weighted_z: plain,
  per_reward: { ...plain, combine: "per_reward" },
  constraints: { ...plain, combine: "constraints", weights: alike, constraints: golden.constraints },
  worst_case: { ...plain, combine: "worst_case", weights: alike },
  soft_worst_case: {
    ...plain,
    combine: "worst_case",
    weights: alike,
    worst_case: { softness: golden.softness },
  },
};

/** Rewards are f32. */
const F32_TOL = 1e-6;

for (const [name, combination] of Object.entries(cases)) {
  Deno.test(`combineRewards: ${name} over four batches is numpy's over the whole history`, () => {
    let memory = emptyMemory;
    for (const [i, batch] of golden.batches.entries()) {
      const scores = f32(batch.scores);
      const { rewards, memory: next } = combineRewards(
        memory,
        scores,
        combination,
        (statistics, rewards) => normaliseRewards(statistics, rewards, batch.prompts, golden.tracking),
      );
      memory = structuredClone(next);
      assertClose(rewards, batch.combined[name]!, F32_TOL, `${name}, batch ${i}`);
      if (combination.combine === "per_reward") continue;
      const running = names.map((each) => momentsOf(memory.moments[each]!));
      running.forEach(({ mean, std }, r) => {
        assertClose(
          [mean, std],
          [batch.mean[r]!, batch.std[r]!],
          1e-13,
          `moments of ${names[r]}, batch ${i}`,
        );
      });
      if (combination.combine !== "constraints") continue;
      const values = (of: PerConstraint) => names.slice(1).map((each) => of[each]!);
      assertClose(values(memory.levels), batch.levels, 1e-13, `levels, batch ${i}`);
      assertClose(values(memory.multipliers), batch.multipliers, 1e-13, `multipliers, batch ${i}`);
    }
  });
}

Deno.test("lagrangian, ascended: ascent on the policy and on the multiplier meets where the constraint binds", () => {
  // Raise -(θ - 2)² as far as 1 - θ ≥ 0 lets one: θ = 1, where the multiplier is the slope 2.
  const slack = (theta: number) => 1 - theta;
  const value = (theta: number, multipliers: PerConstraint) =>
    lagrangian([-((theta - 2) ** 2)], { bound: [slack(theta)] }, multipliers)[0]!;
  const optimise = (options: { readonly learning_rate: number; readonly max: number }) => {
    let [theta, multipliers]: [number, PerConstraint] = [0, {}];
    for (let step = 0; step < 2000; step++) {
      theta += 0.05 * (value(theta + 1e-4, multipliers) - value(theta - 1e-4, multipliers)) / 2e-4;
      multipliers = ascended(multipliers, { bound: slack(theta) }, options);
    }
    return [theta, multipliers.bound!];
  };
  assertClose(optimise({ learning_rate: 0.1, max: 10 }), [1, 2], 1e-6, "bound");
  assertClose(optimise({ learning_rate: 0.1, max: 1 }), [1.5, 1], 1e-6, "at the largest multiplier");
  assertClose(optimise({ learning_rate: 0, max: 10 }), [2, 0], 1e-6, "free");
});

Deno.test("worstCase: softness goes from the minimum to the mean", () => {
  const columns = { a: [1, -2, 0], b: [3, 0, 0], c: [2, 5, 0] };
  assertEquals([...worstCase(columns, 0)], [1, -2, 0]);
  assertClose(worstCase(columns, 1e-9), [1, -2, 0], 1e-8, "hard");
  assertClose(worstCase(columns, 1e9), [2, 1, 0], 1e-6, "mean");
});

Deno.test("trainingRewards: one reward, and a combination of a reward with itself, give the same numbers", () => {
  const { prompts, scores } = golden.batches[0]!;
  const own = f32({ first: scores.first!, twin: scores.first! });
  const state = { promptStatistics: {}, rewardMemory: emptyMemory };
  const scored = { prompts, scores: own, rewards: own.first! };
  for (const per_prompt_stat_tracking of [null, golden.tracking]) {
    const single = trainingRewards(state, scored, { per_prompt_stat_tracking });
    assertEquals(single.rewardMemory, emptyMemory);
    assertEquals(single.combined, null);
    for (const combine of ["weighted_z", "per_reward", "worst_case"] as const) {
      const combination = { ...plain, combine, weights: { first: 1, twin: 1 } };
      const twofold = trainingRewards(state, scored, { per_prompt_stat_tracking, combination });
      // What was normalised per prompt is so once more over the batch where rewards are normalised first.
      const expected = combine === "per_reward"
        ? normaliseRewards({}, single.rewards, prompts, null).rewards
        : single.rewards;
      assertClose(twofold.rewards, expected, 3e-6, `${combine}, ${JSON.stringify(per_prompt_stat_tracking)}`);
    }
  }
});

Deno.test("combineRewards: what cannot be combined is named", () => {
  const combine = (scores: Readonly<Record<string, readonly number[]>>) => () =>
    combineRewards(
      emptyMemory,
      f32(scores),
      { ...plain, weights: { a: 1, b: 1 } },
      (statistics, rewards) => ({
        rewards: Float32Array.from(rewards as ArrayLike<number>),
        statistics,
      }),
    );
  assertThrows(combine({ a: [], b: [] }), RangeError, "there are no images");
  assertThrows(combine({ a: [1, 2] }), RangeError, "one has no scores: b");
  assertThrows(combine({ a: [1, 2], b: [1, NaN] }), RangeError, "b's score of image 1 is not finite: NaN");
  const wrong: readonly (readonly [Partial<Combination>, string])[] = [
    [{ weights: {} }, "rewards.train names none"],
    [{ weights: { a: 0, b: 0 } }, "the weights of rewards.train sum to 0: a, b"],
    [{ weights: { a: 1, b: NaN } }, "the weight of b is no number from 0: NaN"],
    [{ weights: { a: 1, b: -1 } }, "the weight of b is no number from 0: -1"],
    [{ combine: "worst_case", weights: { a: 1 } }, "worst_case takes two or more in rewards.train: a"],
    [{ combine: "constraints", weights: { a: 2, b: 1 } }, "constraints weighs none: 2, 1"],
    [levelled({ a: 1 }), "a is the first of rewards.train"],
    [levelled({ c: 1 }), "c of rewards.constraints.levels is none of rewards.train: a, b"],
    [levelled({ b: NaN }), "the level of b is not finite: NaN"],
    [{ ...levelled({ b: 1 }), combine: "per_reward" }, "needs rewards.combine constraints: per_reward"],
    [{ worst_case: { softness: -1 } }, "rewards.worst_case.softness is no number from 0: -1"],
  ];
  for (const [part, message] of wrong) {
    const combination = { ...plain, weights: { a: 1, b: 1 }, ...part };
    assertThrows(() => checkCombination(combination), RangeError, message);
  }
  checkCombination({ ...plain, weights: { a: 1 } });
  checkCombination({ ...plain, weights: { a: 1, b: 1 }, ...levelled({ b: 0.2 }) });
});

function levelled(levels: PerConstraint): Partial<Combination> {
  return { combine: "constraints", constraints: { ...plain.constraints, levels } };
}

function f32(scores: Readonly<Record<string, readonly number[]>>): Record<string, Float32Array<ArrayBuffer>> {
  return Object.fromEntries(
    Object.entries(scores).map(([name, values]) => [name, Float32Array.from(values)]),
  );
}

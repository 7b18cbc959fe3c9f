import { assert, assertEquals, assertRejects } from "@std/assert";
import { methodOf, methods } from "../../../lib/methods/mod.ts";
import type { Reward } from "../../../lib/rewards/reward.ts";
import { rewardGradientProgram } from "../../../lib/stages/backprop_graphs.ts";
import { type Combination, combineModes } from "../../../lib/stages/combine/combination.ts";
import { emptyMemory } from "../../../lib/stages/combine/reward_memory.ts";
import { type Context, prepare, type Setup } from "../../../lib/stages/context.ts";
import { spread } from "../../../lib/stages/critique.ts";
import { critiqueWeights, rewardWeights } from "../../../lib/stages/critique_weights.ts";
import type { Options } from "../../../lib/stages/options.ts";
import { sample } from "../../../lib/stages/sample.ts";
import { score } from "../../../lib/stages/score.ts";
import { initialState } from "../../../lib/stages/state.ts";
import { type Epoch, train } from "../../../lib/stages/train.ts";
import { assertClose } from "../../assert_close.ts";
import { toyOptions, toyReward, toySetup } from "../toy.ts";

/** What it gives is what the toy's reward takes, on another scale. */
const dark: Reward = {
  ...toyReward,
  name: "dark",
  score: async (images, prompts) =>
    Float32Array.from(await toyReward.score(images, prompts) as ArrayLike<number>, (x) => -100 * x),
};

const combination: Combination = {
  combine: "weighted_z",
  weights: { toy: 1, dark: 1 },
  constraints: { learning_rate: 1, max: 3, levels: {} },
  worst_case: { softness: 0 },
};

function severalSetup(part: Partial<Combination> = {}, epochs = 2): Setup {
  const options = {
    ...toyOptions,
    num_epochs: epochs,
    combination: { ...combination, ...part },
  };
  return { ...toySetup(options), rewards: { train: toyReward, also: [dark], evaluate: [toyReward] } };
}

Deno.test("train: with several rewards, however combined, going on from a state is as never having stopped", async () => {
  for (const combine of combineModes) {
    const [first, second] = await all(await prepare(severalSetup({ combine })));
    const [again] = await all(await prepare(severalSetup({ combine })), structuredClone(first!.state));
    assertEquals(again!.state, second!.state, combine);
    assertEquals(again!.metrics, second!.metrics, combine);
    assertEquals(Object.keys(second!.metrics.rewards), ["toy", "dark"]);
    assert(Number.isFinite(second!.metrics.combined!.mean), combine);
    // The two cancel out where they are averaged.
    const isAverage = combine === "weighted_z" || combine === "per_reward";
    assertEquals(second!.metrics.combined!.std < 1e-3, isAverage, combine);
  }
});

Deno.test("train: a constraint's level is the base model's mean, and its price rises where it is missed", async () => {
  const [first, , third] = await all(await prepare(severalSetup({ combine: "constraints" }, 3)));
  const { level, slack, multiplier } = first!.metrics.constraints!.dark!;
  assertEquals([level, slack, multiplier], [first!.metrics.rewards.dark!.mean, 0, 0]);
  assertEquals(third!.metrics.constraints!.dark!.level, level);

  const levels = { dark: 0 };
  const demanding = { combine: "constraints", constraints: { ...combination.constraints, levels } } as const;
  const epochs = await all(await prepare(severalSetup(demanding, 3)));
  let before = 0;
  for (const { metrics: { constraints } } of epochs) {
    const { level, slack, multiplier } = constraints!.dark!;
    assertEquals(level, 0);
    assert(slack < 0);
    assertEquals(multiplier, Math.min(before - slack, 3));
    before = multiplier;
  }
  assertEquals(before, 3);
});

Deno.test("train: what the base model scores before the first epoch is remembered where the critic learns from it", async () => {
  const setup = severalSetup({ combine: "constraints" });
  const options = { ...setup.options, reset: { ...setup.options.reset, relearn: 1 } };
  const [first] = await all(await prepare({ ...setup, options }));
  const { moments } = first!.state.rewardMemory;
  assertEquals(moments.dark!.count, 2 * first!.updated.rewards.length);
  assert(first!.metrics.constraints!.dark!.level !== first!.metrics.rewards.dark!.mean);
});

Deno.test("prepare: rewards that are not those combined are refused, and one alone remembers nothing", async () => {
  const { rewards, ...setup } = severalSetup();
  const { combination: _, ...single } = setup.options;
  await assertRejects(
    () => prepare({ ...setup, rewards: { ...rewards, also: [] } }),
    RangeError,
    "not those that are combined: toy, and toy, dark",
  );
  await assertRejects(
    () => prepare({ ...setup, options: single, rewards }),
    RangeError,
    "no options.combination",
  );
  const [first] = await all(await prepare(toySetup()));
  assertEquals(first!.state.rewardMemory, emptyMemory);
  assertEquals([first!.metrics.combined, first!.metrics.constraints], [undefined, undefined]);
});

Deno.test("critique: every method weighs steps by what rewards come to, as by one reward worth the same", async () => {
  const single: Options = {
    ...toyOptions,
    sample: { ...toyOptions.sample, group_size: 4 },
    train: { ...toyOptions.train, gradient_accumulation_steps: 4, timesteps_per_update: null },
    reset: { ...toyOptions.reset, mode: "none" },
    per_prompt_stat_tracking: null,
  };
  // Those that differentiate the reward weigh nothing.
  for (const method of methods.filter(({ programs }) => !programs.includes(rewardGradientProgram))) {
    const options = { ...single, combination: { ...combination, weights: { toy: 0, dark: 1 } } };
    const ctx = await prepare({ ...severalSetup(), method, options });
    const state = initialState(ctx);
    const scored = await score(await sample(state, ctx), ctx);
    const weights = (options: Options, rewards = scored.rewards) =>
      method.stages.critique(state, { ...scored, rewards }, { ...ctx, options }).temporalRewards.data;
    const expected = weights(single, scored.scores.dark);
    for (const combine of ["weighted_z", "per_reward"] as const) {
      const combined = weights({ ...options, combination: { ...options.combination, combine } });
      assertClose(combined, expected, 1e-3, `${method.name}, ${combine}`);
    }
    assert(weights(single).some((weight, i) => Math.abs(weight - expected[i]!) > 0.1), method.name);
  }
});

Deno.test("critiqueWeights: rewards on their own scale are what several come to", async () => {
  const setup = severalSetup({ combine: "worst_case" });
  const options = { ...setup.options, rwr: { ...toyOptions.rwr, standardised: false } };
  const ctx = await prepare({ ...setup, method: methodOf("rwr"), options });
  const state = initialState(ctx);
  const { combined, prompts, temporalRewards } = critiqueWeights(
    state,
    await score(await sample(state, ctx), ctx),
    ctx,
  );
  assertEquals(temporalRewards, spread(rewardWeights(combined!, prompts, options.rwr), 3));
});

async function all(ctx: Context, start?: Epoch["state"]): Promise<readonly Epoch[]> {
  return await Array.fromAsync(train(ctx, start));
}

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { methodOf, methods } from "../../lib/methods/mod.ts";
import { fold, key } from "../../lib/core/random.ts";
import { prepare } from "../../lib/stages/context.ts";
import { critiqueGroups } from "../../lib/stages/critique_groups.ts";
import { critiqueWeights } from "../../lib/stages/critique_weights.ts";
import { generate } from "../../lib/stages/generate.ts";
import type { Options, SampleOptions, TrainOptions } from "../../lib/stages/options.ts";
import { observeProgram, policyGradientProgram } from "../../lib/stages/programs.ts";
import { type Scored, shownPolicy } from "../../lib/stages/records.ts";
import { sample } from "../../lib/stages/sample.ts";
import { score } from "../../lib/stages/score.ts";
import { initialState } from "../../lib/stages/state.ts";
import { type Epoch, train } from "../../lib/stages/train.ts";
import { overlaid, type RawConfig, treeOf } from "../../pipelines/config/tree.ts";
import { packState, unpackState } from "../../pipelines/run/state_file.ts";
import { toyOptions, toySetup } from "./toy.ts";

/** What every method can be run with at the toy's size: eight samples of three steps. */
const SMALL = {
  "sample.group_size": 4,
  "train.drop_last_steps": 1,
  "train.batch_size": 4,
  "train.gradient_accumulation_steps": 2,
  "train.learning_rate": 1e-2,
};

for (const method of methods) {
  for (const reading of ["fixed", "official"] as const) {
    Deno.test(`${method.name}, ${reading}: trains, and goes on from a saved state as if it had not stopped`, async () => {
      const options = optionsOf({ ...method.defaults[reading], ...SMALL });
      const ctx = await prepare(toySetup(options, {}, method));
      const [first, second] = await all(train(ctx));
      const { metrics, updated, state } = first!;
      assertEquals(state.policy.step > 0 && state.policy.params.some((x, i) => x !== start(ctx)[i]), true);
      assert(
        !method.programs.includes(policyGradientProgram) || metrics.ratio_before_update_max_error === 0,
        "the ratio before the update",
      );

      const hasCritic = method.hasCritic;
      assertEquals([state.critic !== null, updated.observed !== null], [hasCritic, hasCritic]);
      const ofCritic = Object.keys(metrics).filter((name) => /critic|dormant|neurons/.test(name));
      assertEquals(ofCritic.length > 0, hasCritic, `${ofCritic}`);
      if (!hasCritic) assertThrows(() => ctx.programs.of(observeProgram), TypeError, "does not list it");

      const saved = unpackState(packState(state, ctx.layouts), ctx.layouts);
      assertEquals(saved, state);
      const [again] = await all(train(await prepare(toySetup(options, {}, method)), saved));
      assertEquals(again!.state, second!.state);
    });
  }
}

Deno.test("ddpo: an update adds up all steps, and its rewards raise what they praise", async () => {
  const options = optionsOf({ ...methodOf("ddpo").defaults.fixed, "train.batch_size": 4, num_epochs: 12 });
  const epochs = await all(
    train(await prepare(toySetup({ ...options, num_epochs: 12 }, {}, methodOf("ddpo")))),
  );
  assertEquals(epochs[0]!.updated.updates.length, 1);
  assertEquals(epochs[0]!.updated.updates[0]!.ratios.length, 8 * 3);
  const meanOf = (from: number) =>
    epochs.slice(from, from + 4).reduce((sum, { metrics }) => sum + metrics.rewards.toy!.mean / 4, 0);
  assert(meanOf(8) > meanOf(0), `${meanOf(0)}, later ${meanOf(8)}`);
});

Deno.test("rwr: centred weights are the weights less their mean, so that images that are all alike teach nothing", async () => {
  const weights = async (values: Readonly<Record<string, unknown>>, given: Partial<Scored> = {}) => {
    const ctx = await prepare(toySetup(optionsOf(values), {}, methodOf("rwr")));
    const state = initialState(ctx);
    const scored = await score(await sample(state, ctx), ctx);
    return critiqueWeights(state, { ...scored, ...given }, ctx).temporalRewards.data;
  };
  const plain = await weights({ "rwr.centred": false });
  assertEquals(await weights({ "rwr.centred": true }), plain.map((weight) => weight - 1));
  const alike = await weights({ "rwr.centred": true, "rwr.beta": 1e-9 });
  assert(alike.every((weight) => Math.abs(weight) < 1e-6), `${alike}`);
  const alone = { prompts: Array.from({ length: 8 }, (_, n) => `animal ${n}`) };
  await assertRejects(
    () => weights({ "rwr.per_prompt": true }, alone),
    RangeError,
    "raise sample.group_size",
  );
});

Deno.test("grpo: a group has one prompt, its own noise or one for all, and is compared with itself", async () => {
  for (const group_noise of [false, true]) {
    const options = optionsOf({ ...SMALL, "sample.group_noise": group_noise });
    const ctx = await prepare(toySetup(options, {}, methodOf("grpo")));
    const state = initialState(ctx);
    const scored = await score(await sample(state, ctx), ctx);
    const { data } = scored.latents;
    const noise = Array.from({ length: 8 }, (_, n) => data.slice(24 * n, 24 * n + 6).join());
    assertEquals(new Set(noise).size, group_noise ? 2 : 8);
    for (const group of [0, 4]) {
      assertEquals(new Set(scored.promptRows.slice(group, group + 4)).size, 1);
      const weights = critiqueGroups(state, scored, ctx).temporalRewards.data.slice(
        3 * group,
        3 * group + 12,
      );
      assert(Math.abs(weights.reduce((sum, w) => sum + w, 0)) < 1e-5);
    }
  }
});

Deno.test("a running mean of the policy is what is shown, and follows it", async () => {
  const options = optionsOf({ "train.ema_decay": 0.5, "train.learning_rate": 1e-2 });
  const ctx = await prepare(toySetup(options, {}, methodOf("ddpo")));
  const [epoch] = await all(train(ctx));
  const { policy, ema } = epoch!.state;
  assertEquals(shownPolicy(epoch!.state), ema);
  const far = (a: ArrayLike<number>) => Math.hypot(...Array.from(a, (x, i) => x - start(ctx)[i]!));
  assert(far(ema!) > 0 && far(ema!) < far(policy.params), `${far(ema!)} of ${far(policy.params)}`);
});

Deno.test("a divergence from the base model in the loss or in the rewards holds the policy near it", async () => {
  const far = async (values: Readonly<Record<string, unknown>>, kl_penalty_coef = 0) => {
    const options = optionsOf({ "train.learning_rate": 1e-2, "train.timesteps_per_update": null, ...values });
    const ctx = await prepare(toySetup({ ...options, num_epochs: 6, kl_penalty_coef }, {}, methodOf("ddpo")));
    const { state, updated: { promptRows } } = (await all(train(ctx))).at(-1)!;
    const keys = promptRows.map((_, n) => fold(key(3), n));
    const { conditioning } = ctx;
    const { klToBase } = await generate(state.policy.params, { conditioning, promptRows, keys }, ctx);
    return klToBase!.reduce((sum, kl) => sum + kl, 0);
  };
  const free = await far({});
  for (const kl_form of ["exact", "eps_mse"]) {
    const held = await far({ "train.kl_weight": 100, "train.kl_form": kl_form });
    assert(held < free / 2, `${kl_form}: ${held} of ${free}`);
  }
  // Rewards tell of it with noise, which takes samples.
  const many = { "sample.num_batches_per_epoch": 8, "train.gradient_accumulation_steps": 16 };
  const [loose, penalised] = [await far(many), await far(many, 1)];
  assert(penalised < loose / 2, `${penalised} of ${loose}`);
});

Deno.test("what a method cannot be run with is refused by name", async () => {
  const cases: readonly (readonly [string, Partial<SampleOptions>, Partial<TrainOptions>, string])[] = [
    ["grpo", { group_size: 3 }, {}, "sample.group_size 3"],
    ["grpo", { group_size: 1 }, {}, "raise sample.group_size"],
    ["ddpo-sf", {}, { timesteps_per_update: 1 }, "one update an epoch: there are 6"],
    ["tdpo", {}, {}, "reset.mode active"],
    ["dpok", {}, {}, "reset.mode active"],
    ["rwr", {}, { kl_weight: 0.1 }, "train.kl_form=eps_mse"],
    ["rwr", {}, { adv_clip_max: 2 }, "train.adv_clip_max 2"],
    ["ddpo", {}, { cfg: false }, "train.cfg false with sample.guidance_scale 3"],
    ["ddpo", {}, { timesteps_per_update: 2 }, "train.timesteps_per_update 2"],
    ["ddpo", {}, { timestep_window: [2, 2] }, "train.timestep_window"],
    ["ddpo", {}, { timestep_window: [0, 4] }, "[0,4] of sample.num_steps 3"],
    ["ddpo", {}, { timestep_window: [2, 3], drop_last_steps: 1 }, "no step is left"],
  ];
  for (const [name, sample, train, expected] of cases) {
    const options: Options = {
      ...toyOptions,
      sample: { ...toyOptions.sample, ...sample },
      train: { ...toyOptions.train, ...train },
    };
    await assertRejects(() => prepare(toySetup(options, {}, methodOf(name))), RangeError, expected, name);
  }
  assertThrows(() => methodOf("ppo"), RangeError, "there are tdpo-r, tdpo, ddpo");
});

/** The toy's options with others by their dotted names. */
function optionsOf(values: Readonly<Record<string, unknown>>): Options {
  return overlaid(toyOptions as unknown as RawConfig, treeOf(values)) as unknown as Options;
}

/** The policy before training. */
function start(ctx: Parameters<typeof initialState>[0]): ArrayLike<number> {
  return initialState(ctx).policy.params;
}

async function all(epochs: AsyncIterable<Epoch>): Promise<Epoch[]> {
  const list: Epoch[] = [];
  for await (const epoch of epochs) list.push(epoch);
  return list;
}

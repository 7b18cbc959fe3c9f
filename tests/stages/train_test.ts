import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { fold, key } from "../../lib/core/random.ts";
import { type FloatTensor, tensor } from "../../lib/core/tensor.ts";
import { type Context, prepare } from "../../lib/stages/context.ts";
import { critique } from "../../lib/stages/critique.ts";
import { descend } from "../../lib/stages/descend.ts";
import { noiseOf, putConditions, takeStep } from "../../lib/stages/denoise.ts";
import { generate } from "../../lib/stages/generate.ts";
import { countNeurons, sharedNeurons } from "../../lib/stages/neurons.ts";
import type { Options, TrainOptions } from "../../lib/stages/options.ts";
import { reset } from "../../lib/stages/reset.ts";
import { sample } from "../../lib/stages/sample.ts";
import { score } from "../../lib/stages/score.ts";
import { initialState } from "../../lib/stages/state.ts";
import { type Epoch, train } from "../../lib/stages/train.ts";
import { trainingSchedule } from "../../lib/stages/training_schedule.ts";
import { update } from "../../lib/stages/update.ts";
import { NonFiniteError } from "../../lib/stages/update_logs.ts";
import { assertClose } from "../assert_close.ts";
import { type ToyModels, toyOptions, toySetup } from "./toy.ts";

const trained = (train: Partial<TrainOptions>): Options => ({
  ...toyOptions,
  train: { ...toyOptions.train, ...train },
});
const toyContext = (options: Options = toyOptions, models: ToyModels = {}) =>
  prepare(toySetup(options, models));

Deno.test("train: is its stages called one after the other", async () => {
  const ctx = await toyContext();
  const [first, second] = await all(train(ctx));
  let state = initialState(ctx);
  for (const epoch of [first!, second!]) {
    const scored = await score(await sample(state, ctx), ctx);
    const updated = await update(state, critique(state, scored, ctx), ctx);
    const neurons = await reset(updated, ctx);
    state = neurons.state;
    assertEquals(updated, epoch.updated);
    assertEquals(state, epoch.state);
  }
  assertEquals(state.epoch, 2);
  assertEquals(state.rewardQueries, 16);
});

Deno.test("train: the same seed gives the same bits, another seed others", async () => {
  const run = async (seed: number) => (await all(train(await toyContext({ ...toyOptions, seed }))))[1]!.state;
  assertEquals(await run(7), await run(7));
  assert((await run(7)).policy.params.join() !== (await run(8)).policy.params.join());
});

Deno.test("train: going on from a state is as never having stopped", async () => {
  const ctx = await toyContext();
  const [first, second] = await all(train(ctx));
  const [again] = await all(train(await toyContext(), structuredClone(first!.state)));
  assertEquals(again!.state, second!.state);
});

for (
  const [name, changes, models] of [
    ["a critic that sees latents", {}, { sight: "latents" }],
    ["a share of neurons reset", { reset: { ...toyOptions.reset, frequency: 1, share: 0.5 } }, {}],
    [
      "a critic that looks every other step",
      { critic: { sees: "noisy", every: 2 } },
      { critic: { timestep: true } },
    ],
    ["a critic that sees predicted images", { critic: { sees: "predicted", every: 1 } }, {}],
  ] as readonly (readonly [string, Partial<Options>, ToyModels])[]
) {
  Deno.test(`train: with ${name}, going on from a state is as never having stopped`, async () => {
    const open = () => toyContext({ ...toyOptions, num_epochs: 3, ...changes }, models);
    const [first, ...others] = await all(train(await open()));
    const again = await all(train(await open(), structuredClone(first!.state)));
    assertEquals(again.map(({ state }) => state), others.map(({ state }) => state));
    assert(others.every(({ metrics }) => metrics.ratio_before_update_max_error === 0));
    assert(others[0]!.state.critic!.params.join() !== first!.state.critic!.params.join());
  });
}

Deno.test("sample: a critic that sees latents sees what the steps start from", async () => {
  const ctx = await toyContext(toyOptions, { sight: "latents" });
  const { latents, observed } = await sample(initialState(ctx), ctx);
  const [samples, steps, width] = observed!.embeddings.shape as readonly [number, number, number];
  assertEquals([samples, steps, width], [8, 3, 6]);
  const expected = Array.from(
    { length: samples },
    (_, n) => Array.from(latents.data.slice(n * 4 * width, (n * 4 + steps) * width) as ArrayLike<number>),
  ).flat();
  assertClose(observed!.embeddings.data, Float32Array.from(expected, (x) => x / Math.sqrt(6)), 1e-6, "seen");
});

Deno.test("sample: a critic that sees predictions sees the images that the steps' own means come from", async () => {
  const ctx = await toyContext({ ...toyOptions, critic: { sees: "predicted", every: 1 } }, {
    sight: "latents",
  });
  const state = (await all(train(ctx)))[0]!.state;
  const found = await sample(state, ctx);
  const noisy = await sample(
    state,
    await toyContext({ ...toyOptions, critic: { sees: "noisy", every: 1 } }, { sight: "latents" }),
  );
  assertEquals({ ...found, observed: null }, { ...noisy, observed: null });
  const keys = found.promptRows.map((_, n) => fold(fold(fold(state.key, "sample"), state.epoch), n));
  ctx.schedule.forEach(({ alpha, previousAlpha, sigma }, i) => {
    const noise = noiseOf(ctx, keys, i).data;
    const at = ({ data }: FloatTensor, rows: number, place: number) =>
      keys.flatMap((_, n) => Array.from({ length: 6 }, (_, c) => data[(n * rows + place) * 6 + c]!));
    const [x, next] = [at(found.latents, 4, i), at(found.latents, 4, i + 1)];
    // next = √a' x̂ + √(1 - a' - σ²) eps + σ z and x = √a x̂ + √(1 - a) eps: two equations for x̂ and eps.
    const [image, rest] = [Math.sqrt(previousAlpha), Math.sqrt(1 - previousAlpha - sigma ** 2)];
    const [kept, added] = [Math.sqrt(alpha), Math.sqrt(1 - alpha)];
    const expected = x.map((x, j) => {
      const mean = next[j]! - sigma * noise[j]!;
      return (added * mean - rest * x) / (added * image - rest * kept) / Math.sqrt(6);
    });
    assertClose(at(found.observed!.embeddings, 3, i), expected, 1e-3, `step ${i}`);
  });
});

Deno.test("sample: between its looks the critic judges what it last saw by the step's own timestep", async () => {
  const seen = async (every: number, timestep: boolean) => {
    const ctx = await toyContext({ ...toyOptions, critic: { sees: "noisy", every } }, {
      critic: { timestep, init: "reference" },
    });
    const { latents, observed } = await sample(initialState(ctx), ctx);
    const at = ({ shape: [, steps], data }: FloatTensor, stepIndex: number) =>
      Array.from({ length: 8 }, (_, n) => {
        const width = data.length / 8 / steps!;
        return Array.from(
          data.slice((n * steps! + stepIndex) * width, (n * steps! + stepIndex + 1) * width) as ArrayLike<
            number
          >,
        );
      });
    const steps = [0, 1, 2];
    return {
      latents,
      embeddings: steps.map((i) => at(observed!.embeddings, i)),
      residuals: steps.map((i) => at(observed!.residuals, i)),
    };
  };
  const [always, held, blind] = [await seen(1, true), await seen(2, true), await seen(2, false)];
  assertEquals(held.latents, always.latents);
  assertEquals(held.embeddings, [always.embeddings[0]!, always.embeddings[0]!, always.embeddings[2]!]);
  assertEquals([held.residuals[0], held.residuals[2]], [always.residuals[0], always.residuals[2]]);
  assertNotEquals(held.residuals[1], held.residuals[0]);
  assertEquals(blind.residuals[1], blind.residuals[0]);
});

Deno.test("update: the policy learns nothing from the last steps that are dropped, the critic does", async () => {
  const after = async (dropped: number, rewarded: number) => {
    const ctx = await toyContext(trained({ drop_last_steps: dropped, adam_weight_decay: 0 }));
    const state = initialState(ctx);
    const critiqued = critique(state, await score(await sample(state, ctx), ctx), ctx);
    const { shape, data } = critiqued.temporalRewards;
    const temporalRewards = tensor(shape, data.map((_, i) => i % shape[1]! === rewarded ? i + 1 : 0));
    const updated = await update(state, { ...critiqued, temporalRewards }, ctx);
    const moved = (learner: "policy" | "critic") =>
      updated.state[learner]!.params.some((x, i) => x !== state[learner]!.params[i]);
    return [moved("policy"), moved("critic")];
  };
  assertEquals(await after(1, 2), [false, true]);
  assertEquals(await after(1, 1), [true, true]);
  assertEquals(await after(0, 2), [true, true]);
});

Deno.test("sample: neither batches nor their order change a bit", async () => {
  const batched = (batch_size: number, num_batches_per_epoch: number): Options => ({
    ...toyOptions,
    sample: { ...toyOptions.sample, batch_size, num_batches_per_epoch },
  });
  const [two, one] = [await toyContext(batched(4, 2)), await toyContext(batched(8, 1))];
  const state = (await all(train(two)))[0]!.state;
  assertEquals(await sample(state, two), await sample(state, one));
});

Deno.test("update: the ratio is exactly 1 for every sample and step before the policy moves", async () => {
  const still = { learning_rate: 0, critic_learning_rate: 0 };
  for (const shuffle_timestep of [true, false]) {
    const moved = (await all(train(await toyContext())))[0]!.state;
    const ctx = await toyContext(trained({ ...still, shuffle_timestep }));
    const critiqued = critique(moved, await score(await sample(moved, ctx), ctx), ctx);
    const { updates, state } = await update(moved, critiqued, ctx);
    assertEquals(updates.flatMap(({ ratios }) => ratios), Array(24).fill(1));
    assertEquals(state.policy.params, moved.policy.params);
  }
});

Deno.test("update: accumulated gradients are those of one larger batch", async () => {
  const cut = await toyContext(trained({ batch_size: 2, gradient_accumulation_steps: 2 }));
  const whole = await toyContext(trained({ batch_size: 4, gradient_accumulation_steps: 1 }));
  const [a, b] = [(await all(train(cut)))[0]!.state, (await all(train(whole)))[0]!.state];
  const largest = Math.max(...a.policy.params.map((x, i) => Math.abs(x - b.policy.params[i]!)));
  assert(largest < 1e-5, `largest difference ${largest}`);
});

Deno.test("update: a number that is not finite stops training and leaves the state alone", async () => {
  const ctx = await toyContext();
  const state = initialState(ctx);
  const before = structuredClone(state);
  const critiqued = critique(state, await score(await sample(state, ctx), ctx), ctx);
  const data = Float32Array.from(critiqued.temporalRewards.data as ArrayLike<number>);
  data[5] = NaN;
  const broken = { ...critiqued, temporalRewards: { ...critiqued.temporalRewards, data } };
  const error = await assertRejects(() => update(state, broken, ctx), NonFiniteError, "not finite");
  assertEquals(error.name, "NonFiniteError");
  assertEquals(state, before);
});

Deno.test("descend: what has positive temporal rewards becomes more probable than what has negative", async () => {
  const ctx = await toyContext(trained({ batch_size: 4, learning_rate: 1e-3, clip_range: 1 }));
  const state = initialState(ctx);
  const critiqued = critique(state, await score(await sample(state, ctx), ctx), ctx);
  const signs = Float32Array.from({ length: 24 }, (_, i) => Math.floor(i / 3) % 2 === 0 ? 1 : -1);
  const given = { ...critiqued, temporalRewards: { ...critiqued.temporalRewards, data: signs } };
  const once = trainingSchedule(key(1), ctx.options);
  const schedule = Array.from({ length: 10 }, () => once).flat();
  const { updates } = await descend(state, given, schedule, [0, 0], ctx);
  const last = updates.slice(-once.length).flatMap(({ ratios }) => ratios);
  const rows = once.flatMap(({ policy }) => policy).flatMap(({ rows }) => rows);
  const meanOf = (parity: number) => {
    const chosen = last.filter((_, i) => rows[i]! % 2 === parity);
    return chosen.reduce((sum, ratio) => sum + ratio, 0) / chosen.length;
  };
  assert(meanOf(0) > meanOf(1) + 1e-3, `ratios ${meanOf(0)} and ${meanOf(1)}`);
});

Deno.test("update: shuffled advantages are those of other samples, returns stay", async () => {
  const [ctx, shuffled] = [await toyContext(), await toyContext(trained({ shuffle_advantages: true }))];
  const state = initialState(ctx);
  const critiqued = critique(state, await score(await sample(state, ctx), ctx), ctx);
  const [a, b] = [await update(state, critiqued, ctx), await update(state, critiqued, shuffled)];
  const rows = (data: ArrayLike<number>) =>
    Array.from({ length: 8 }, (_, n) => Array.from(data).slice(3 * n, 3 * n + 3).join());
  const [before, after] = [rows(a.temporalRewards.data), rows(b.temporalRewards.data)];
  assertEquals(after.toSorted(), before.toSorted());
  assert(after.join() !== before.join());
  assertEquals(a.returns, b.returns);
});

Deno.test("sample: what the base model holds less probable is taken off the returns, and at first nothing is", async () => {
  const ctx = await toyContext({ ...toyOptions, kl_penalty_coef: 0.5 });
  const [first, second] = await all(train(ctx));
  assertEquals(first!.updated.baseLogProbs, first!.updated.logProbs);
  const { logProbs, baseLogProbs, returns } = second!.updated;
  assertEquals(baseLogProbs!.shape, [8, 3]);
  const ratios = logProbs.data.map((logProb, i) => logProb - baseLogProbs!.data[i]!);
  assert(ratios.every((ratio) => ratio !== 0));
  const between = [0, 1].map((t) => returns.data[t]! - returns.data[t + 1]!);
  assertClose(between, [0, 1].map((t) => -0.5 * ratios[t]!), 1e-6, "penalties");
});

Deno.test("reset: on its epoch only, and of the neurons it names", async () => {
  const [first, second] = await all(train(await toyContext()));
  assertEquals(first!.metrics.neurons_reset, 0);
  const { layers, total } = second!.metrics.dormant_fraction!;
  assertEquals(layers.length, 4);
  assertEquals(second!.metrics.neurons_reset, Math.round((1 - total) * 40));
  assert(second!.state.critic!.since!.some((step) => step === second!.state.critic!.step));
});

Deno.test("reset: a share of the neurons is as many of them, others each time", async () => {
  const options = { ...toyOptions.reset, frequency: 1, mode: "all", share: 0.25 } as const;
  const [first, second] = await all(train(await toyContext({ ...toyOptions, reset: options })));
  assertEquals([first!, second!].map(({ metrics }) => metrics.neurons_reset), [10, 10]);
  const masks = [Array(20).fill(true), [...Array(10).fill(true), ...Array(10).fill(false)]];
  const drawn = (from: number) => sharedNeurons(masks, 0.5, key(from));
  assertEquals(countNeurons(drawn(1)), 15);
  assert(drawn(1)[1]!.slice(10).every((chosen) => !chosen));
  assertNotEquals(drawn(1), drawn(2));
  assertEquals(sharedNeurons(masks, 1, key(1)), masks);
});

Deno.test("reset: distinct seeds draw other weights each time, a fixed one the same", async () => {
  const twice = async (seed: "distinct" | "fixed") => {
    const options: Options = {
      ...toyOptions,
      reset: { ...toyOptions.reset, frequency: 1, mode: "all", seed },
    };
    const [first, second] = await all(train(await toyContext(options)));
    return [first!.state.critic!.params.join(), second!.state.critic!.params.join()];
  };
  const [a, b] = await twice("distinct");
  assert(a !== b);
  const [c, d] = await twice("fixed");
  assertEquals(firstLayer(c!), firstLayer(d!));
});

Deno.test("train: before the first epoch the critic learns from samples of the base model", async () => {
  const first = async (relearn: number) => {
    const ctx = await toyContext({
      ...trained({ critic_learning_rate: 0.03 }),
      num_epochs: 1,
      reset: { ...toyOptions.reset, relearn },
    }, { critic: { hidden: [32] } });
    const [epoch] = await all(train(ctx));
    return [epoch!.updated.explained!.variance, epoch!.state.rewardQueries];
  };
  assertEquals(await first(0), [0, 8]);
  const [explained, queries] = await first(40);
  assert(explained! > 0.05, `${explained}`);
  assertEquals(queries, 16);
});

Deno.test("reset: a critic that relearns explains the epoch's returns again, and the policy stays as it is", async () => {
  const after = async (relearn: number) => {
    const ctx = await toyContext({
      ...trained({ critic_learning_rate: 0.03 }),
      reset: { ...toyOptions.reset, frequency: 1, mode: "all", outgoing: "zero", relearn },
    }, { critic: { hidden: [32] } });
    const state = initialState(ctx);
    const critiqued = critique(state, await score(await sample(state, ctx), ctx), ctx);
    const updated = await update(state, critiqued, ctx);
    const { state: next } = await reset(updated, ctx);
    assertEquals(next.policy, updated.state.policy);
    const again = await sample({ ...next, epoch: 0, policy: state.policy }, ctx);
    return critique(state, await score(again, ctx), ctx).explained!.variance;
  };
  const [forgotten, relearned] = [await after(0), await after(40)];
  assert(Math.abs(forgotten) < 1e-6, `${forgotten} after a reset`);
  assert(relearned > 0.3, `${relearned} after relearning`);
});

Deno.test("generate: the same image for the same prompt and key, whatever is beside it", async () => {
  const ctx = await toyContext();
  const [, { state }] = await all(train(ctx)) as [Epoch, Epoch];
  const conditioning = await ctx.encodePrompts(["a bear", "a cat"]);
  const keys = Array.from({ length: 6 }, (_, i) => fold(key(5), i));
  const promptRows = keys.map((_, i) => i % 2);
  const many = await generate(state.policy.params, { conditioning, promptRows, keys }, ctx);
  const one = await generate(state.policy.params, {
    conditioning,
    promptRows: [promptRows[5]!],
    keys: [keys[5]!],
  }, ctx);
  assertEquals(many.images.shape, [6, 1, 2, 3]);
  assertEquals(one.images.data, many.images.data.slice(30));
  assertEquals(one.klToBase![0], many.klToBase![5]);
  assert(many.klToBase!.every((kl) => kl > 0));
  const base = state.policy.params.map(() => 0);
  const untrained = await generate(base, { conditioning, promptRows, keys }, ctx);
  assertEquals(untrained.klToBase, new Float32Array(6));
  const still = await generate(state.policy.params, { conditioning, promptRows, keys }, ctx, { eta: 0 });
  assertEquals(still.klToBase, null);
  await assertRejects(() => generate(base, { conditioning, promptRows: [], keys: [] }, ctx), RangeError);
});

Deno.test("generate: a trajectory's divergence is the sum over its steps and elements", async () => {
  const ctx = await toyContext();
  const [{ state }] = await all(train(ctx)) as [Epoch, Epoch];
  const { promptRows, latents } = await sample(state, ctx);
  const from = fold(fold(state.key, "sample"), state.epoch);
  const keys = promptRows.map((_, n) => fold(from, n));
  const { conditioning, runtime, schedule, basePolicy } = ctx;
  const { klToBase } = await generate(state.policy.params, { conditioning, promptRows, keys }, ctx);
  // Steps without noise lead to the means of those with it.
  const batch = { conditioning, promptRows: promptRows.slice(0, 4), keys: keys.slice(0, 4) };
  const conditions = putConditions(ctx, batch);
  const sums = [0, 0, 0, 0];
  for (const [t, step] of schedule.entries()) {
    const at = Float32Array.from(
      sums.flatMap((_, n) => [...latents.data.slice(6 * (4 * n + t), 6 * (4 * n + t + 1))]),
    );
    const x = runtime.put(tensor([4, ...latents.shape.slice(2)], at));
    const still = tensor(x.shape, new Float32Array(24));
    const [own, base] = await Promise.all([state.policy.params, basePolicy].map(async (params) => {
      const policy = runtime.put(tensor([params.length], params));
      const [mean] = await runtime.get([takeStep(ctx, policy, conditions, x, step, still).prev]);
      return mean!.data as Float32Array;
    }));
    own!.forEach((mean, i) => sums[Math.floor(i / 6)]! += (mean - base![i]!) ** 2 / (2 * step.sigma ** 2));
  }
  assertClose(klToBase!.slice(0, 4), sums, 1e-5, "divergence");
});

Deno.test("train: metrics and progress tell what happened", async () => {
  const told: string[] = [];
  let time = 0;
  const ctx: Context = {
    ...await toyContext({ ...toyOptions, num_epochs: 1 }),
    onProgress: ({ stage, done, total }) => told.push(`${stage} ${done}/${total}`),
    clock: () => (time += 500),
  };
  const [epoch] = await all(train(ctx));
  assertEquals(told, ["sample 1/2", "sample 2/2", "score 1/1", "update 6/6"]);
  const { metrics } = epoch!;
  assertEquals(metrics.seconds, { sample: 0.5, score: 0.5, critique: 0.5, update: 0.5, reset: 0.5 });
  assertEquals(metrics.ratio_before_update_max_error, 0);
  assertEquals(metrics.reward_queries, 8);
  assertEquals(metrics.critic_explained_variance_by_step!.length, 3);
  assertEquals(Object.keys(metrics.rewards), ["toy"]);
});

Deno.test("train: the critic may see timestep and prompt, and drop elements while it learns", async () => {
  const critic = { timestep: true, prompt_dim: 4, dropout: [0.2, 0.2, 0.1, 0] };
  const [first] = await all(train(await toyContext({ ...toyOptions, num_epochs: 1 }, { critic })));
  assertEquals(first!.metrics.ratio_before_update_max_error, 0);
  assert(first!.metrics.critic_loss! > 0);
});

async function all(epochs: AsyncIterable<Epoch>): Promise<Epoch[]> {
  const list: Epoch[] = [];
  for await (const epoch of epochs) list.push(epoch);
  return list;
}

/** The critic's first layer, 16 rows of 12. */
function firstLayer(params: string): string {
  return params.split(",").slice(0, 16 * 12).join();
}

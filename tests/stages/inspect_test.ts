import { assert, assertEquals } from "@std/assert";
import type { F32 } from "../../lib/core/tensor.ts";
import { methods, tdpoR } from "../../lib/methods/mod.ts";
import { prepare } from "../../lib/stages/context.ts";
import { critique } from "../../lib/stages/critique.ts";
import { descend } from "../../lib/stages/descend.ts";
import { inspect } from "../../lib/stages/inspect.ts";
import type { Method } from "../../lib/stages/method.ts";
import { neuronActivity } from "../../lib/stages/neuron_activity.ts";
import { dormantOverlap, dormantParts, type NeuronMasks } from "../../lib/stages/neurons.ts";
import type { Options, TrainOptions } from "../../lib/stages/options.ts";
import { plasticityOf } from "../../lib/stages/plasticity.ts";
import { policyNoise } from "../../lib/stages/policy_noise.ts";
import { refitted } from "../../lib/stages/relearn.ts";
import { reset } from "../../lib/stages/reset.ts";
import { sample } from "../../lib/stages/sample.ts";
import { score } from "../../lib/stages/score.ts";
import { initialState } from "../../lib/stages/state.ts";
import { type Epoch, train } from "../../lib/stages/train.ts";
import { trainingSchedule } from "../../lib/stages/training_schedule.ts";
import { update } from "../../lib/stages/update.ts";
import { assertClose } from "../assert_close.ts";
import { toyOptions, toySetup } from "./toy.ts";

const trained = (train: Partial<TrainOptions>, others: Partial<Options> = {}): Options => ({
  ...toyOptions,
  ...others,
  train: { ...toyOptions.train, ...train },
});

async function firstEpoch(options: Options) {
  const ctx = await prepare(toySetup(options));
  const state = initialState(ctx);
  const critiqued = critique(state, await score(await sample(state, ctx), ctx), ctx);
  return { ctx, state, critiqued };
}

Deno.test("update: the noise of a gradient is the scatter of its micro-batches' gradients", async () => {
  const wide = { max_grad_norm: 1e9, batch_size: 2, gradient_accumulation_steps: 4 };
  const { ctx, state, critiqued } = await firstEpoch(trained(wide));
  const [step] = trainingSchedule([1, 2], ctx.options);
  const { updates } = await descend(state, critiqued, [step!], [0, 0], ctx);
  // The first mean of gradients that AdamW keeps is a tenth of the gradient; a lone micro-batch counts a quarter.
  const gradients: F32[] = [];
  for (const micro of step!.policy) {
    const { policy } = await descend(state, critiqued, [{ policy: [micro], critic: [] }], [0, 0], ctx);
    gradients.push(policy.m.map((m) => 40 * m));
  }
  const mean = gradients[0]!.map((_, i) => gradients.reduce((sum, g) => sum + g[i]! / 4, 0));
  const scatter = gradients.reduce((sum, g) => sum + square(g.map((x, i) => x - mean[i]!)), 0) / 3;
  const found = policyNoise(updates, updates, 3)!;
  assertClose([found.variance], [scatter / 4], 1e-4, "variance");
  assertClose([found.signal_share], [1 - scatter / 4 / square(mean)], 1e-4, "share");
  assertEquals(found.variance_by_step, [null, null, null]);
  assert(scatter > 0);
});

Deno.test("the noise at each step is that of training in order, where steps are shuffled or added up that of a probe", async () => {
  // A policy that stands still, and samples one by one, so that no order matters.
  const still = { learning_rate: 0, batch_size: 1, gradient_accumulation_steps: 8, drop_last_steps: 1 };
  const noise = async (order: Partial<TrainOptions>, gradient: number) => {
    const options = trained({ ...still, ...order }, {
      num_epochs: 1,
      probe: { gradient, plasticity: 0 },
    });
    const [{ metrics }] = await epochsOf(options) as [Epoch];
    return metrics.gradient_noise!;
  };
  const [shuffled, summed] = [{ shuffle_timestep: true }, { timesteps_per_update: null }];
  const ordered = await noise({ shuffle_timestep: false }, 0);
  for (const probed of [await noise(shuffled, 1), await noise(summed, 1)]) {
    for (const field of ["variance_by_step", "signal_share_by_step"] as const) {
      const [first, second, last] = ordered[field];
      assertEquals([last, probed[field][2]], [null, null]);
      assertClose([probed[field][0]!, probed[field][1]!], [first!, second!], 1e-4, field);
    }
  }
  assert(ordered.variance_by_step[0]! > 0 && ordered.signal_share_by_step[0]! < 1);
  assertEquals((await noise(shuffled, 0)).variance_by_step, [null, null, null]);
});

Deno.test("one micro-batch an optimizer step tells no noise", async () => {
  const options = trained({ batch_size: 4, gradient_accumulation_steps: 1 }, { num_epochs: 1 });
  assertEquals((await epochsOf(options))[0]!.metrics.gradient_noise, null);
});

Deno.test("overlap counts neurons that stay dormant, not all", () => {
  const masks = (...layers: readonly string[]): NeuronMasks =>
    layers.map((layer) => [...layer].map((neuron) => neuron === "x"));
  const cases: readonly (readonly [NeuronMasks, NeuronMasks, number | null])[] = [
    [masks("xx..", "x."), masks("x.x.", "xx"), 2 / 3],
    [masks("....", ".."), masks("xxxx", "xx"), null],
    [masks("xxx.", ".."), masks("...x", "xx"), 0],
    [masks("x...", ".x"), masks("x...", ".x"), 1],
  ];
  cases.forEach(([before, now, overlap]) => assertEquals(dormantOverlap(before, now), overlap));
  assertEquals(dormantParts(masks("xx..", "x.")), { layers: [0.5, 0.5], total: 0.5 });
});

Deno.test("inspect: thresholds, ranks and norms are those of the critic before the reset", async () => {
  const { ctx, state, critiqued } = await firstEpoch({
    ...toyOptions,
    reset: { ...toyOptions.reset, frequency: 1, tau: 0.1 },
  });
  const updated = await update(state, critiqued, ctx);
  const { neurons, weightNorms } = await inspect(state, updated, ctx);
  const health = neurons!;
  assertEquals(health.dormantByTau["0.1"], (await reset(updated, ctx)).neurons!.dormant);
  const parts = ["0", "0.025", "0.1"].map((tau) => health.dormantByTau[tau]!.total);
  assertEquals(parts, parts.toSorted());
  const { activity, features } = await neuronActivity(updated.state.critic!, updated.observed!, updated, ctx);
  features.forEach(({ shape: [count, width], data }, layer) => {
    const means = Array.from(
      { length: width! },
      (_, i) =>
        Array.from({ length: count! }, (_, n) => data[n * width! + i]!).reduce((a, b) => a + b, 0) / count!,
    );
    assertClose(means, activity[layer]!, 1e-6, `layer ${layer}`);
    const rank = health.effectiveRanks[layer]!;
    assert(rank >= 1 && rank <= Math.min(count!, width!), `rank ${rank} of layer ${layer}`);
  });
  assertClose([weightNorms.critic! ** 2], [square(updated.state.critic!.params)], 1e-9, "norm");
});

Deno.test("plasticity: a critic that is dead learns less than one that begins anew, one that has learnt more", async () => {
  const learning = { critic_learning_rate: 0.01 };
  const { ctx, state, critiqued } = await firstEpoch(
    trained(learning, { reset: { ...toyOptions.reset, relearn: 10 } }),
  );
  const first = ctx.layouts.critic!.segments.find(({ name }) => name === "layers.0.bias")!;
  const dead = {
    ...state,
    critic: {
      ...state.critic!,
      params: state.critic!.params.map((x, i) => i >= first.start && i < first.start + 16 ? -100 : x),
    },
  };
  const lost = await plasticityOf(dead, critiqued, ctx);
  assert(lost.current_loss > 1.05 * lost.fresh_loss, JSON.stringify(lost));
  const { critic } = await refitted(state, critiqued, 8, [3, 0], ctx);
  const kept = await plasticityOf({ ...state, critic: critic! }, critiqued, ctx);
  assertEquals(kept.fresh_loss, lost.fresh_loss);
  assert(kept.current_loss < kept.fresh_loss, JSON.stringify(kept));
});

Deno.test("probes change nothing of training, and are told on their epochs only", async () => {
  const probed = await epochsOf({ ...toyOptions, probe: { gradient: 2, plasticity: 2 } });
  const plain = await epochsOf(toyOptions);
  probed.forEach(({ state, metrics }, i) => {
    assertEquals(state, plain[i]!.state);
    assertEquals(metrics.plasticity !== undefined, i === 1);
    assertEquals(metrics.gradient_noise!.variance_by_step.every((value) => value !== null), i === 1);
  });
});

for (const method of methods.filter(({ hasCritic, lesson }) => !hasCritic && !lesson.scheduleOf)) {
  Deno.test(`${method.name}: a probe tells its gradient's noise, and nothing is told of a critic`, async () => {
    const options = trained({ timesteps_per_update: null }, {
      num_epochs: 1,
      sample: { ...toyOptions.sample, group_size: 4 },
      probe: { gradient: 1, plasticity: 1 },
    });
    const [{ metrics }] = await epochsOf(options, method) as [Epoch];
    const { signal_share, variance, variance_by_step } = metrics.gradient_noise!;
    assert(signal_share < 1 && variance > 0 && variance_by_step.every((value) => value! > 0));
    const told = Object.keys(metrics).filter((name) => /critic|dormant|rank|plasticity|neurons/.test(name));
    assertEquals(told, []);
    assertEquals(Object.keys(metrics.weight_norm), ["policy"]);
    // Micro-batches at other steps of the same samples tell nothing of noise.
    const plain = await epochsOf({ ...options, probe: { gradient: 0, plasticity: 0 } }, method);
    assertEquals(plain[0]!.metrics.gradient_noise, null);
    assertEquals(plain[0]!.state, (await epochsOf(options, method))[0]!.state);
  });
}

async function epochsOf(options: Options, method: Method = tdpoR): Promise<Epoch[]> {
  const ctx = await prepare(toySetup(options, {}, { ...method, check: () => {} }));
  return await Array.fromAsync(train(ctx));
}

function square(values: F32): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}

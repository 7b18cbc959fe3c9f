/**
 * Training all weights of the UNet rather than adapters (`lora: null`), with every method.
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { key, normals } from "../../lib/core/random.ts";
import { type F32, type FloatTensor, tensor } from "../../lib/core/tensor.ts";
import { interpreter, type Runtime } from "../../lib/engine/mod.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { methods } from "../../lib/methods/mod.ts";
import { unpackParams } from "../../lib/optim/flat.ts";
import type { Context } from "../../lib/stages/context.ts";
import { policyGradientProgram } from "../../lib/stages/programs.ts";
import { generate } from "../../lib/stages/generate.ts";
import { policyGradient } from "../../lib/stages/policy_lesson.ts";
import type { Critiqued } from "../../lib/stages/records.ts";
import { floats } from "../../lib/stages/rows.ts";
import { sample } from "../../lib/stages/sample.ts";
import { initialState } from "../../lib/stages/state.ts";
import { train } from "../../lib/stages/train.ts";
import { checkConfig } from "../../pipelines/config/mod.ts";
import { loadTraining, prepareTraining } from "../../pipelines/open_training.ts";
import { planTraining } from "../../pipelines/plan/training_plan.ts";
import { pairKey } from "../../pipelines/pair_key.ts";
import { assertClose } from "../assert_close.ts";
import { withTinyModel } from "./tiny_model.ts";

const PROMPTS = ["cat", "a dog, running"];

/** A run of one epoch: four samples of two steps, learnt from in one update. */
const settings = {
  num_epochs: 1,
  kl_penalty_coef: 0.1,
  rewards: { train: "mini_aesthetic", evaluate: [] },
  sample: { num_steps: 2, batch_size: 2, num_batches_per_epoch: 2, group_size: 2 },
  train: {
    batch_size: 2,
    gradient_accumulation_steps: 2,
    drop_last_steps: 0,
    timesteps_per_update: null,
    ema_decay: 0.5,
  },
  reset: { mode: "none", relearn: 1 },
  critic: { hidden: [6, 4] },
};

/** The embedded default method's run on a model's folder, with adapters or without. */
async function open(
  runtime: Runtime,
  model: string,
  lora: { readonly rank: number } | null,
  more: Readonly<Record<string, unknown>> = {},
): Promise<Context> {
  const config = checkConfig({ method: "ddpo", ...settings, lora, ...more });
  return await prepareTraining(await loadTraining(runtime, model, config), config, PROMPTS);
}

Deno.test("full tuning: every method trains from the base model on, at divergence 0", async (t) => {
  await withTinyModel(async (model) => {
    for (const { name, programs } of methods) {
      await t.step(name, async () => {
        // Methods that do not weigh steps have none to penalise.
        const penalty = programs.includes(policyGradientProgram) ? 0.1 : 0;
        const ctx = await open(interpreter(), model, null, { method: name, kl_penalty_coef: penalty });
        const [epoch] = await Array.fromAsync(train(ctx));
        const { state, updated, metrics } = epoch!;
        assertEquals(metrics.ratio_before_update_max_error ?? 0, 0);
        assertEquals(updated.baseLogProbs, penalty === 0 ? null : updated.logProbs);
        const before = unpackParams(ctx.layouts.policy, ctx.basePolicy);
        for (const vector of [state.policy.params, state.ema!]) {
          const after = unpackParams(ctx.layouts.policy, vector);
          const isSame = (param: string) => after[param]!.data.every((x, i) => x === before[param]!.data[i]);
          assertEquals(Object.keys(before).filter(isSame), [], "weights that do not learn");
        }
      });
    }
  });
});

Deno.test("full tuning: the gradient is that of finite differences, and leads to that of adapters", async () => {
  await withTinyModel(async (model) => {
    const whole = await open(interpreter(), model, null);
    const adapted = await open(interpreter(), model, { rank: 2 });
    const start = initialState(whole), small = initialState(adapted);
    const sampled = await sample(start, whole);
    // Adapters that start as the base model draw the same.
    assertEquals((await sample(small, adapted)).latents, sampled.latents);
    const weighed = { ...sampled, temporalRewards: tensor([4, 2], normals(key(1), 8)) } as Critiqued;
    const { policyGrad } = await learnt(whole, weighed, start.policy.params);

    const direction = normals(key(2), policyGrad.length);
    const along = policyGrad.reduce((sum, g, i) => sum + g * direction[i]!, 0);
    const lossAt = async (h: number) =>
      (await learnt(whole, weighed, start.policy.params.map((x, i) => x + h * direction[i]!))).loss;
    const h = 3e-5;
    assertClose([along], [(await lossAt(h) - await lossAt(-h)) / (2 * h)], 2e-3, "along a direction");

    const ofWeights = unpackParams(whole.layouts.policy, policyGrad);
    const { policyGrad: flat } = await learnt(adapted, weighed, small.policy.params);
    const ofAdapters = unpackParams(adapted.layouts.policy, flat);
    const adapters = unpackParams(adapted.layouts.policy, small.policy.params);
    const layers = Object.keys(adapters).filter((name) => name.endsWith(".lora_A.weight"));
    assertEquals(layers.length, 32);
    for (const name of layers) {
      const down = adapters[name]!, weight = ofWeights[name.replace("lora_A.weight", "weight")]!;
      const up = ofAdapters[name.replace("lora_A", "lora_B")]!;
      // W + B A, at B = 0.
      assertClose(timesTransposed(weight, down), up.data, 1e-4, name);
    }
  });
});

Deno.test("full tuning on the GPU: an epoch is that of the interpreter, and draws the same", async () => {
  await withTinyModel(async (model) => {
    const kl = { train: { ...settings.train, kl_weight: 0.1, gradient_checkpointing: true } };
    const gpu = gpuRuntime(await openGpu(navigator.gpu));
    const [expected, found] = await Promise.all([interpreter(), gpu].map(async (runtime) => {
      const ctx = await open(runtime, model, null, kl);
      const [epoch] = await Array.fromAsync(train(ctx));
      const { state: { policy }, metrics, updated } = epoch!;
      // Frozen weights and those that are trained give the same bits while they are the same.
      assertEquals([metrics.ratio_before_update_max_error, updated.updates[0]!.kl_loss], [0, 0]);
      const keys = PROMPTS.map((prompt) => pairKey(prompt, 0));
      const request = { conditioning: ctx.conditioning, promptRows: [0, 1], keys };
      const base = await generate(ctx.basePolicy, request, ctx);
      assertEquals(base.klToBase, new Float32Array(2));
      const { images, klToBase } = await generate(policy.params, request, ctx);
      assert(klToBase!.every((kl) => kl > 0), `${klToBase}`);
      ctx.free();
      return { base: ctx.basePolicy, ...policy, images: images.data, klToBase: klToBase! };
    }));
    assertEquals(found!.base, expected!.base);
    for (const name of ["m", "images", "klToBase"] as const) {
      assertClose(found![name], expected![name], 2e-3, name);
    }
  });
});

Deno.test("full tuning: an adapter that has no room for all weights in one piece is told of before", async () => {
  await withTinyModel(async (model) => {
    const limits = { maxBufferSize: 2 ** 20, maxStorageBufferBindingSize: 1e4 };
    const config = checkConfig({ method: "ddpo", ...settings, lora: null, model });
    await assertRejects(
      () => planTraining(config, { limits }),
      RangeError,
      "allows 10000 bytes in one piece",
    );
  });
});

/** The policy's loss on two samples at two steps, and its gradient. */
async function learnt(
  ctx: Context,
  critiqued: Critiqued,
  params: F32,
): Promise<{ readonly loss: number; readonly policyGrad: F32 }> {
  const { runtime } = ctx;
  const put = (data: F32) => runtime.put(tensor([data.length], data));
  const learning = { policy: put(params), policyGrad: put(new Float32Array(params.length)) };
  const micro = { rows: [0, 3], steps: [0, 1] };
  const { policyGrad, logs } = policyGradient.learn(critiqued, micro, ctx, key(3), learning);
  const [gradient, log] = (await runtime.get([policyGrad, logs[0]!])).map(floats);
  // A micro-batch is one of two, and has one of two steps.
  return { loss: log!.data[0]!, policyGrad: gradient!.data.map((g) => 4 * g) };
}

/** `X Y^T` of matrices, flat. */
function timesTransposed(x: FloatTensor, y: FloatTensor): number[] {
  const [rows, inner] = x.shape as readonly [number, number];
  const [columns] = y.shape as readonly [number];
  return Array.from({ length: rows * columns }, (_, n) => {
    const [row, column] = [Math.floor(n / columns), n % columns];
    return Array.from({ length: inner }, (_, i) => i)
      .reduce((sum, i) => sum + x.data[row * inner + i]! * y.data[column * inner + i]!, 0);
  });
}

import { assert, assertEquals, assertRejects } from "@std/assert";
import { fold, key, normals } from "../../lib/core/random.ts";
import { type FloatTensor, words } from "../../lib/core/tensor.ts";
import { interpreter, type Runtime } from "../../lib/engine/mod.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { declareAutoencoder } from "../../lib/models/autoencoder_kl.ts";
import { parseAutoencoderConfig } from "../../lib/models/autoencoder_config.ts";
import { parseClipTextConfig, parseClipVisionConfig } from "../../lib/models/clip_config.ts";
import { declareClipText } from "../../lib/models/clip_text.ts";
import { clipImage, declareClipVision } from "../../lib/models/clip_vision.ts";
import { parseCriticConfig } from "../../lib/models/critic_config.ts";
import { parseLoraConfig } from "../../lib/models/lora.ts";
import { declareUNet } from "../../lib/models/unet_2d_condition.ts";
import { parseUNetConfig } from "../../lib/models/unet_config.ts";
import { normalize } from "../../lib/nn/norm.ts";
import { initParams, type ParamSpec } from "../../lib/nn/scope.ts";
import { methodOf, methods, tdpoR } from "../../lib/methods/mod.ts";
import { rewardGradientProgram } from "../../lib/stages/backprop_graphs.ts";
import { prepare, type Setup } from "../../lib/stages/context.ts";
import { critique } from "../../lib/stages/critique.ts";
import { latentDiffusion } from "../../lib/stages/latent_diffusion.ts";
import type { Models } from "../../lib/stages/models.ts";
import type { Options } from "../../lib/stages/options.ts";
import { sample } from "../../lib/stages/sample.ts";
import { score } from "../../lib/stages/score.ts";
import { initialState } from "../../lib/stages/state.ts";
import { type Epoch, train } from "../../lib/stages/train.ts";
import { update } from "../../lib/stages/update.ts";
import { NonFiniteError } from "../../lib/stages/update_logs.ts";
import { putWeights } from "../../lib/stages/weights.ts";
import { overlaid, type RawConfig, treeOf } from "../../pipelines/config/tree.ts";
import { assertClose } from "../assert_close.ts";
import { scheduler, toyModels, toyOptions, toyPrompts, toyReward, toySetup } from "./toy.ts";

const gpu = gpuRuntime(await openGpu(navigator.gpu));

// Those that differentiate the reward are in reward_lessons_test.ts.
for (const method of methods.filter(({ programs }) => !programs.includes(rewardGradientProgram))) {
  Deno.test(`${method.name} on the GPU: the toy's two epochs are those of the interpreter`, async () => {
    const small = {
      "sample.group_size": 4,
      "train.kl_weight": 0.1,
      "train.kl_form": "eps_mse",
      "train.ema_decay": 0.5,
      // With all samples in an update, the critic's first gradient would be but rounding in its last bias.
      "train.gradient_accumulation_steps": method.hasCritic ? 2 : 4,
      "train.learning_rate": 1e-2,
    };
    const values = method === tdpoR ? {} : { ...method.defaults.fixed, ...small, "reset.mode": "none" };
    const options = overlaid(toyOptions as unknown as RawConfig, treeOf(values)) as unknown as Options;
    const [expected] = await all(train(await prepare(toySetup(options, {}, method))));
    const ctx = await prepare({ ...toySetup(options, {}, method), runtime: gpu, models: toyModels(gpu) });
    const [found, second] = await all(train(ctx));
    ctx.free();
    for (const epoch of [found!, second!]) {
      assertEquals(epoch.metrics.ratio_before_update_max_error ?? 0, 0);
    }
    const { latents, observed } = found!.updated;
    assertClose(latents.data, expected!.updated.latents.data, 1e-5, "latents");
    assertClose(found!.state.policy.m, expected!.state.policy.m, 1e-3, "policy moments");
    if (!method.hasCritic) return;
    assertClose(observed!.residuals.data, expected!.updated.observed!.residuals.data, 1e-5, "residuals");
    assertClose(found!.state.critic!.m, expected!.state.critic!.m, 1e-3, "critic moments");
  });
}

Deno.test("ddpo on the GPU: components of the policy are reset, and learn from there, as on the interpreter", async () => {
  const options: Options = {
    ...toyOptions,
    train: { ...toyOptions.train, timesteps_per_update: null, ema_decay: 0.5, learning_rate: 1e-3 },
    reset: { ...toyOptions.reset, of: "policy", frequency: 1, mode: "active", share: 0.5 },
  };
  const ctx = { ...toySetup(options, {}, methodOf("ddpo")), runtime: gpu, models: toyModels(gpu) };
  const [expected, found] = await Promise.all(
    [toySetup(options, {}, methodOf("ddpo")), ctx].map(async (setup) => {
      const prepared = await prepare(setup);
      const epochs = await all(train(prepared));
      prepared.free();
      return epochs;
    }),
  );
  for (const [epoch, { metrics, state }] of found!.entries()) {
    const { metrics: { neurons_reset }, state: { policy, ema } } = expected![epoch]!;
    assertEquals([metrics.neurons_reset, metrics.ratio_before_update_max_error], [5, 0]);
    assertEquals([metrics.neurons_reset, state.policy.since], [neurons_reset, policy.since]);
    assertClose(state.policy.params, policy.params, 1e-3, `parameters after epoch ${epoch}`);
    assertClose(state.ema!, ema!, 1e-3, `their running mean after epoch ${epoch}`);
  }
});

Deno.test("train on the GPU: no epoch leaves memory behind", async () => {
  const ctx = await prepare({
    ...toySetup({
      ...toyOptions,
      num_epochs: 6,
      kl_penalty_coef: 0.1,
      reset: { ...toyOptions.reset, relearn: 2 },
    }),
    runtime: gpu,
    models: toyModels(gpu),
  });
  const peaks: number[] = [];
  for await (const _ of train(ctx)) peaks.push(gpu.peakBytes());
  ctx.free();
  // The first reset comes with the second epoch.
  assertEquals(peaks.slice(2), Array(4).fill(peaks[2]));
});

Deno.test("update on the GPU: a number that is not finite, wherever it comes from, stops training", async () => {
  const ctx = await prepare({ ...toySetup(), runtime: gpu, models: toyModels(gpu) });
  const state = initialState(ctx);
  const critiqued = critique(state, await score(await sample(state, ctx), ctx), ctx);
  const { observed, ...others } = critiqued;
  const { latents, logProbs, returns, temporalRewards } = others;
  const read = { latents, logProbs, returns, temporalRewards, ...observed! };
  for (const [name, tensor] of Object.entries(read)) {
    for (const value of [NaN, Infinity]) {
      const data = Float32Array.from(tensor.data as ArrayLike<number>);
      data[7] = value;
      const bad = { [name]: { ...tensor, data } };
      const broken = name in observed!
        ? { ...others, observed: { ...observed!, ...bad } }
        : { ...critiqued, ...bad };
      await assertRejects(() => update(state, broken, ctx), NonFiniteError, "not finite", `${name} ${value}`);
    }
  }
  const params = state.policy.params.map((x, i) => i === 3 ? NaN : x);
  const broken = { ...state, policy: { ...state.policy, params } };
  await assertRejects(() => update(broken, critiqued, ctx), NonFiniteError, "in optimizer step 0");
  ctx.free();
});

Deno.test("latentDiffusion on the GPU: the ratio is exactly 1 for all samples and steps", async () => {
  const still = { learning_rate: 0, critic_learning_rate: 0 };
  const options: Options = { ...toyOptions, train: { ...toyOptions.train, ...still } };
  const ctx = await prepare(tinySetup(gpu, options));
  const start = initialState(ctx);
  // A policy that has moved away from the base model: no adapter is zero.
  const params = normals(key(4), start.policy.params.length).map((x) => 0.1 * x);
  const state = { ...start, policy: { ...start.policy, params } };
  const critiqued = critique(state, await score(await sample(state, ctx), ctx), ctx);
  const { updates } = await update(state, critiqued, ctx);
  ctx.free();
  assertEquals(updates.flatMap(({ ratios }) => ratios), Array(24).fill(1));
  assert(updates.every(({ grad_norm }) => grad_norm.policy > 0 && grad_norm.critic! > 0));
});

for (
  const [encoder, sees] of [
    ["latents", "noisy"],
    ["unet", "noisy"],
    ["latents", "predicted"],
    ["images", "predicted"],
  ] as const
) {
  Deno.test(`sample on the GPU: a critic that sees ${sees} ${encoder} sees what it does on the interpreter`, async () => {
    const options: Options = {
      ...toyOptions,
      critic: { sees, every: 2 },
      sample: { ...toyOptions.sample, num_steps: 3, batch_size: 2, num_batches_per_epoch: 1 },
      train: { ...toyOptions.train, gradient_accumulation_steps: 1 },
    };
    const [expected, found] = await Promise.all([interpreter(), gpu].map(async (runtime) => {
      const ctx = await prepare(tinySetup(runtime, options, encoder));
      const { critic, ...start } = initialState(ctx);
      // A critic that predicts something: its last layer is not zero.
      const params = normals(key(4), critic!.params.length).map((x) => 0.1 * x);
      const { observed } = await sample({ ...start, critic: { ...critic!, params } }, ctx);
      ctx.free();
      return observed!;
    }));
    assertClose(found!.embeddings.data, expected!.embeddings.data, 1e-4, "embeddings");
    assertClose(found!.residuals.data, expected!.residuals.data, 1e-4, "residuals");
    assert(expected!.residuals.data.every((x) => x !== 0));
    const { shape: [, , width], data } = found!.embeddings as FloatTensor & {
      shape: readonly [2, 3, number];
    };
    const lengths = Array.from(
      { length: 6 },
      (_, i) => Math.hypot(...data.slice(i * width, (i + 1) * width) as Float32Array),
    );
    assert(encoder === "latents" || lengths.every((length) => Math.abs(length - 1) < 1e-5), `${lengths}`);
  });
}

Deno.test("sample on the GPU: neither batches nor their order change a bit", async () => {
  const samples = [];
  for (const [batch_size, num_batches_per_epoch] of [[4, 2], [8, 1], [1, 8]] as const) {
    const options: Options = {
      ...toyOptions,
      sample: { ...toyOptions.sample, batch_size, num_batches_per_epoch },
    };
    const ctx = await prepare(tinySetup(gpu, options));
    samples.push(await sample(initialState(ctx), ctx));
    ctx.free();
  }
  const [first, ...others] = samples;
  for (const other of others) assertEquals(other, first);
});

/** A run of models that have every part of Stable Diffusion and hardly any weights. */
function tinySetup(
  runtime: Runtime,
  options: Options,
  encoder: "images" | "latents" | "unet" = "images",
): Setup {
  return {
    method: tdpoR,
    options,
    models: tinyModels(runtime, encoder),
    runtime,
    prompts: toyPrompts,
    rewards: { train: toyReward, evaluate: [] },
  };
}

function tinyModels(runtime: Runtime, encoder: "images" | "latents" | "unet"): Models {
  const text = parseClipTextConfig({
    vocab_size: 32,
    hidden_size: 16,
    intermediate_size: 32,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    max_position_embeddings: 4,
    eos_token_id: 31,
    projection_dim: 8,
  });
  const vision = parseClipVisionConfig({
    hidden_size: 16,
    intermediate_size: 32,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    image_size: 16,
    patch_size: 8,
    projection_dim: 12,
  });
  const autoencoder = parseAutoencoderConfig({
    block_out_channels: [8, 16],
    down_block_types: ["DownEncoderBlock2D", "DownEncoderBlock2D"],
    up_block_types: ["UpDecoderBlock2D", "UpDecoderBlock2D"],
    norm_num_groups: 4,
  });
  const unet = parseUNetConfig({
    sample_size: 8,
    block_out_channels: [16, 32],
    down_block_types: ["CrossAttnDownBlock2D", "DownBlock2D"],
    up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D"],
    layers_per_block: 1,
    attention_head_dim: 2,
    cross_attention_dim: 16,
    norm_num_groups: 4,
  });
  // What starts at 0 in an untrained model, the UNet's last layer above all, would make every prediction 0.
  const lively = (specs: readonly ParamSpec[]): ParamSpec[] =>
    specs.map((spec) =>
      spec.name.endsWith("conv_out.weight") ? { ...spec, init: { kind: "normal", std: 0.1 } } : spec
    );
  const weights = (name: string, specs: readonly ParamSpec[]) =>
    putWeights(runtime, initParams(lively(specs), fold(key(3), name)));
  return latentDiffusion({
    encode: (prompts) =>
      words(
        [prompts.length, 4],
        prompts.flatMap((prompt) => [30, prompt.length, (prompt.charCodeAt(2) || 0) % 29, 31]),
      ),
    scheduler,
    text: { config: text, weights: weights("text", declareClipText(text)) },
    unet: { config: unet, weights: weights("unet", declareUNet(unet)) },
    autoencoder: { config: autoencoder, weights: weights("autoencoder", declareAutoencoder(autoencoder)) },
    encoder: encoder !== "images" ? encoder : {
      weights: weights("encoder", declareClipVision(vision)),
      build: (scope, images) => normalize(clipImage(scope, vision, images)),
    },
    lora: parseLoraConfig({}),
    critic: parseCriticConfig({
      embedding_dim: { images: 12, latents: 256, unet: 32 }[encoder],
      hidden: [16, 8],
      activation: "relu",
    }),
  });
}

async function all(epochs: AsyncIterable<Epoch>): Promise<Epoch[]> {
  const list: Epoch[] = [];
  for await (const epoch of epochs) list.push(epoch);
  return list;
}

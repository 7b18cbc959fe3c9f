/**
 * A toy in place of the models: latents of six numbers, an MLP for a policy, a look-up table for a text encoder.
 * @module
 */

import { key, normals } from "../../lib/core/random.ts";
import { type FloatTensor, type Shape, size, tensor, words } from "../../lib/core/tensor.ts";
import type { SchedulerConfig } from "../../lib/diffusion/scheduler_config.ts";
import {
  add,
  interpreter,
  mean,
  mul,
  reshape,
  type Runtime,
  sigmoid,
  silu,
  square,
  sum,
  type Value,
} from "../../lib/engine/mod.ts";
import { gather } from "../../lib/engine/ops/gather.ts";
import { matmul } from "../../lib/engine/ops/matmul.ts";
import { critic, criticNeurons, declareCritic } from "../../lib/models/critic.ts";
import { parseCriticConfig } from "../../lib/models/critic_config.ts";
import { normalize } from "../../lib/nn/norm.ts";
import { constantInit, type ParamSpec, type Scope } from "../../lib/nn/scope.ts";
import { tdpoR } from "../../lib/methods/mod.ts";
import type { Reward } from "../../lib/rewards/reward.ts";
import { rewardGradientProgram } from "../../lib/stages/backprop_graphs.ts";
import type { Setup } from "../../lib/stages/context.ts";
import type { Method } from "../../lib/stages/method.ts";
import type { Models, PolicyInputs } from "../../lib/stages/models.ts";
import type { Options } from "../../lib/stages/options.ts";
import { imageSight, latentSight } from "../../lib/stages/sights.ts";
import { putWeights } from "../../lib/stages/weights.ts";

/** Stable Diffusion's schedule. */
export const scheduler: SchedulerConfig = {
  num_train_timesteps: 1000,
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: "scaled_linear",
  steps_offset: 1,
};

/** Options that make an epoch of the toy take milliseconds. */
export const toyOptions: Options = {
  seed: 7,
  num_epochs: 2,
  prompts_balanced: true,
  kl_penalty_coef: 0,
  gamma: 1,
  sample: {
    num_steps: 3,
    eta: 1,
    guidance_scale: 3,
    batch_size: 4,
    num_batches_per_epoch: 2,
    group_size: 1,
    group_noise: false,
  },
  train: {
    learning_rate: 1e-2,
    critic_learning_rate: 1e-2,
    adam_beta1: 0.9,
    adam_beta2: 0.999,
    adam_weight_decay: 1e-4,
    adam_epsilon: 1e-8,
    critic_adam_epsilon: 1e-8,
    max_grad_norm: 1,
    batch_size: 2,
    gradient_accumulation_steps: 2,
    num_inner_epochs: 1,
    loss: "clipped",
    clip_range: 0.1,
    kl_weight: 0,
    kl_form: "exact",
    ema_decay: null,
    clip_range_critic: 0.2,
    adv_clip_max: null,
    group_std: "group",
    shuffle_timestep: true,
    timestep_window: null,
    drop_last_steps: 0,
    timesteps_per_update: 1,
    cfg: true,
    shuffle_advantages: false,
    critic_grad_div: 1,
  },
  critic: { sees: "noisy", every: 1 },
  reset: {
    of: "critic",
    frequency: 2,
    relearn: 0,
    tau: 0,
    mode: "active",
    share: 1,
    optimizer_step: "reset",
    outgoing: "zero",
    seed: "distinct",
    std_from_width: true,
  },
  rwr: { beta: 1, standardised: true, per_prompt: false, percentile: null, centred: false },
  backprop: {
    loss: "reward",
    target: 0,
    loss_coeff: 1,
    truncation: "last",
    last_steps: 2,
    renoised: 0,
    predict_from: 0.5,
    pretrain_weight: 0,
  },
  probe: { gradient: 0, plasticity: 0 },
  per_prompt_stat_tracking: { buffer_size: 16, min_count: 4 },
};

/** The toy's prompts. */
export const toyPrompts = ["a cat", "a dog", "a horse"];

const CHANNELS = 6;
const WIDTH = 10;
const EMBEDDING = 12;

/** How the toy differs from case to case. */
export interface ToyModels {
  /** What the critic sees; default images. */
  readonly sight?: "images" | "latents";
  /** The critic's config; `embedding_dim` is 12, of latents 6. */
  readonly critic?: Readonly<Record<string, unknown>>;
  /** Whether the policy sees its prompt. */
  readonly seesPrompt?: boolean;
}

/** The toy's models on a runtime. */
export function toyModels(
  runtime: Runtime,
  { critic: json = {}, seesPrompt = true, sight = "images" }: ToyModels = {},
): Models {
  const config = parseCriticConfig({
    embedding_dim: sight === "latents" ? CHANNELS : EMBEDDING,
    hidden: [16, 12, 8, 4],
    activation: "relu",
    ...json,
  });
  const table = draw(1, [32, 4]);
  const decoder: Models["decoder"] = {
    weights: {},
    build: (_, x) => sigmoid(reshape(x, [x.shape[0]!, 1, 2, 3])),
  };
  return {
    tokenize: (prompts) => ({
      ids: words(
        [prompts.length, 2],
        prompts.flatMap((prompt) => [prompt.length % 32, prompt.charCodeAt(2) % 32 || 0]),
      ),
      ends: words([prompts.length], prompts.map((_, i) => 2 * i + 1)),
    }),
    text: {
      weights: putWeights(runtime, { table }),
      build: (scope, { ids, ends }) => {
        const context = gather(scope.param("table", [32, 4], constantInit(0)), ids);
        return { context, pooled: gather(reshape(context, [-1, 4]), ends) };
      },
    },
    policy: {
      weights: putWeights(runtime, { prompt: draw(2, [WIDTH, 4]) }),
      specs: policySpecs,
      neurons: [{ incoming: "w1", bias: "b1", outgoing: "w2" }],
      build: (scope, inputs, adapters) => predict(scope, inputs, adapters, seesPrompt),
    },
    decoder,
    sight: sight === "latents" ? latentSight : imageSight(decoder, {
      weights: putWeights(runtime, { embed: draw(3, [EMBEDDING, CHANNELS]) }),
      build: (scope, images) =>
        normalize(
          matmul(
            reshape(images, [images.shape[0]!, CHANNELS]),
            scope.param("embed", [EMBEDDING, CHANNELS], constantInit(0)),
            { transposeB: true },
          ),
        ),
    }),
    critic: {
      build: (scope, inputs) => critic(scope, config, inputs),
      specs: declareCritic(config),
      neurons: criticNeurons(config),
    },
    latentShape: [1, 1, CHANNELS],
    scheduler,
  };
}

/** How much of its first channel an image has. */
export const toyReward: Reward = {
  name: "toy",
  needs: [],
  scale: { unit: "points", range: [0, 1] },
  doc: "The first channel's mean.",
  score: (images) => {
    const count = images.shape[0]!;
    const each = images.data.length / count;
    return Promise.resolve(Float32Array.from({ length: count }, (_, n) => {
      const pixels = Array.from(images.data.slice(n * each, (n + 1) * each) as ArrayLike<number>);
      return pixels.filter((_, i) => i % 3 === 0).reduce((sum, x) => sum + x, 0) / (each / 3);
    }));
  },
};

/**
 * A reward that has a gradient: `Σ w s²` of an image's six numbers.
 *
 * @param weights `[6]`.
 */
export function toyGradientReward(runtime: Runtime, weights: FloatTensor = draw(4, [CHANNELS])): Reward {
  return {
    ...toyReward,
    isDifferentiable: true,
    score: ({ shape, data }) =>
      Promise.resolve(Float32Array.from({ length: shape[0]! }, (_, n) => {
        const own = Array.from(data.slice(n * CHANNELS, (n + 1) * CHANNELS) as ArrayLike<number>);
        return own.reduce((sum, x, i) => sum + weights.data[i]! * x * x, 0);
      })),
    graph: {
      weights: putWeights(runtime, { weights }),
      inputs: () => ({}),
      build: (scope, images) => {
        const squares = square(reshape(images, [-1, CHANNELS]));
        return sum(mul(squares, scope.param("weights", [CHANNELS], constantInit(0))), [1]);
      },
    },
  };
}

/** A run of the toy on the interpreter. */
export function toySetup(
  options: Options = toyOptions,
  models: ToyModels = {},
  method: Method = tdpoR,
): Setup {
  const runtime = interpreter();
  const isGradient = method.programs.includes(rewardGradientProgram);
  return {
    method,
    options,
    models: toyModels(runtime, models),
    runtime,
    prompts: toyPrompts,
    rewards: { train: isGradient ? toyGradientReward(runtime) : toyReward, evaluate: [] },
  };
}

const policySpecs: readonly ParamSpec[] = [
  { name: "w1", shape: [WIDTH, CHANNELS], init: { kind: "normal", std: CHANNELS ** -0.5 } },
  { name: "u", shape: [WIDTH], init: { kind: "normal", std: 1 } },
  { name: "b1", shape: [WIDTH], init: { kind: "constant", value: 0 } },
  { name: "w2", shape: [CHANNELS, WIDTH], init: { kind: "constant", value: 0 } },
  { name: "b2", shape: [CHANNELS], init: { kind: "constant", value: 0 } },
];

/** `x + W2 silu(W1 x + u t/1000 + b1 + P c) + b2`, with `c` the mean of the prompt's context. */
function predict(
  scope: Scope,
  { sample, timestep, context }: PolicyInputs,
  adapters: Scope | null,
  seesPrompt: boolean,
): Value {
  if (adapters === null) return sample;
  const batch = sample.shape[0]!;
  const x = reshape(sample, [batch, CHANNELS]);
  const [w1, u, b1, w2, b2] = policySpecs.map(({ name, shape, init }) => adapters.param(name, shape, init));
  const time = mul(reshape(timestep, [batch, 1]), 1 / 1000);
  let inner = add(add(matmul(x, w1!, { transposeB: true }), mul(time, u!)), b1!);
  if (seesPrompt) {
    const prompt = scope.param("prompt", [WIDTH, 4], constantInit(0));
    inner = add(inner, matmul(mean(context, [1]), prompt, { transposeB: true }));
  }
  return reshape(add(add(x, matmul(silu(inner), w2!, { transposeB: true })), b2!), sample.shape);
}

function draw(seed: number, shape: Shape): FloatTensor {
  return tensor(shape, normals(key(seed), size(shape)));
}

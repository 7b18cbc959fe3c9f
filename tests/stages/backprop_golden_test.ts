import { assert, assertEquals } from "@std/assert";
import { type FloatTensor, tensor } from "../../lib/core/tensor.ts";
import { refl } from "../../lib/methods/mod.ts";
import { newOptimizer } from "../../lib/optim/adamw.ts";
import { packParams } from "../../lib/optim/flat.ts";
import { emptyMemory } from "../../lib/stages/combine/reward_memory.ts";
import { type Context, prepare } from "../../lib/stages/context.ts";
import { descend, type Learner } from "../../lib/stages/descend.ts";
import type { BackpropOptions, Options } from "../../lib/stages/options.ts";
import type { Critiqued, UpdateLog } from "../../lib/stages/records.ts";
import type { PolicyLesson } from "../../lib/stages/policy_lesson.ts";
import { learntFrom, predictedStretch, renoisedStretch } from "../../lib/stages/reward_lessons.ts";
import { floats, stackSteps } from "../../lib/stages/rows.ts";
import { sampledStretch, type Stretch } from "../../lib/stages/stretches.ts";
import { takeStep } from "../../lib/stages/denoise.ts";
import { assertClose } from "../assert_close.ts";
import { below, goldenRecord, goldenTensors } from "../golden_files.ts";
import { toyGradientReward, toyOptions, toySetup } from "./toy.ts";

interface Golden {
  readonly target: number | null;
  readonly draws: readonly (readonly Draws[])[];
  readonly max_grad_norm: number;
  readonly timesteps: readonly number[];
  readonly microbatch: number;
  readonly gradient_accumulation_steps: number;
  readonly adamw: {
    readonly lr: number;
    readonly betas: readonly [number, number];
    readonly eps: number;
    readonly weight_decay: number;
  };
}

/** What is drawn for a micro-batch. */
interface Draws {
  readonly mask?: readonly number[];
  readonly steps?: readonly number[];
}

/** What a micro-batch learns from. */
interface Moment {
  readonly critiqued: Critiqued;
  readonly rows: readonly number[];
  readonly draws: Draws;
  /** `[B, T, C]`, of the update. */
  readonly noise: FloatTensor;
}

interface Case {
  readonly eta: number;
  readonly backprop: Partial<BackpropOptions>;
  readonly stretches: (ctx: Context, moment: Moment) => readonly Stretch[];
}

const [SAMPLES, STEPS, CHANNELS, UPDATES] = [4, 5, 6, 10] as const;

const cases: Readonly<Record<string, Case>> = {
  alignprop: {
    eta: 1,
    backprop: { loss: "distance", loss_coeff: 0.01 },
    stretches: ({ schedule }, { critiqued, rows, draws }) => [
      sampledStretch(critiqued, schedule, rows, draws.mask!.map((mask) => mask === 1)),
    ],
  },
  draft: {
    eta: 0,
    backprop: { loss: "reward" },
    stretches: ({ schedule }, { critiqued, rows }) => [
      sampledStretch(critiqued, schedule, rows, schedule.map((_, i) => i >= STEPS - 2)),
    ],
  },
  draft_lv: {
    eta: 0,
    backprop: { loss: "reward" },
    stretches: ({ schedule }, { critiqued, rows, noise }) =>
      [0, 1].map((n) =>
        renoisedStretch(critiqued, rows, schedule.at(-1)!, rows.flatMap((row) => noiseAt(noise, row, n)))
      ),
  },
  refl: {
    eta: 0,
    backprop: { loss: "shortfall", loss_coeff: 1e-3 },
    stretches: ({ schedule }, { critiqued, rows, draws }) => [
      predictedStretch(critiqued, schedule, rows, draws.steps!),
    ],
  },
};

for (const [name, { eta, backprop, stretches }] of Object.entries(cases)) {
  Deno.test(`${name}: ten updates in a row are those of PyTorch through the whole chain`, async () => {
    const tensors = await goldenTensors(`backprop_${name}`);
    const golden = await goldenRecord<Golden>(`backprop_${name}`);
    const options = optionsOf(golden, eta, backprop);
    const setup = toySetup(options, { seesPrompt: false }, refl);
    const train = toyGradientReward(setup.runtime, tensors["input.weights"]!);
    const ctx = await prepare({ ...setup, rewards: { train, evaluate: [] } });
    assertEquals(ctx.schedule.map(({ timestep }) => timestep), [...golden.timesteps]);
    const pack = (prefix: string) => packParams(ctx.layouts.policy, below(tensors, `${prefix}.policy.`));

    let learner: Learner = { policy: newOptimizer(pack("initial")), critic: null, ema: null };
    const updates: UpdateLog[] = [];
    for (let update = 0; update < UPDATES; update++) {
      const noise = rowOf(tensors["input.noise"]!, update);
      const critiqued = await sampledBy(learner, rowOf(tensors["input.start"]!, update), noise, ctx);
      const policy = [0, 1].map((j) => ({ rows: [2 * j, 2 * j + 1], steps: [] }));
      const lesson: PolicyLesson = {
        logged: () => ["policy_loss"],
        unetEvaluations: () => 0,
        learn: (critiqued, { rows }, ctx, _, learning) => {
          const draws = golden.draws[update]![rows[0]! / 2]!;
          return learntFrom(ctx, learning, stretches(ctx, { critiqued, rows, draws, noise }));
        },
      };
      const given = { ...ctx, method: { ...refl, lesson } };
      const descended = await descend(learner, critiqued, [{ policy, critic: [] }], [0, 0], given);
      learner = descended;
      updates.push(...descended.updates);
      if (update > 0) continue;
      // The first moment is a tenth of the gradient, after it was clipped.
      const norm = descended.updates[0]!.grad_norm.policy;
      const clip = Math.min(1, golden.max_grad_norm / (norm + 1e-6));
      const first = descended.policy.m.map((m) => m / (0.1 * clip));
      assertClose(first, pack("first_grad"), 1e-5, "first gradient");
    }

    assertClose(updates.map((log) => log.policy_loss!), tensors["log.loss"]!.data, 1e-5, "loss");
    assertClose(
      updates.map((log) => log.grad_norm.policy),
      tensors["log.grad_norm"]!.data,
      1e-5,
      "grad_norm",
    );
    assertClose(learner.policy.params, pack("final"), 1e-5, "final policy");
    assert(updates.some((log) => log.grad_norm.policy > 0), "something was learnt");
    ctx.free();
  });
}

/** The trajectories of a policy from given noise. */
async function sampledBy(
  { policy }: Learner,
  start: FloatTensor,
  noise: FloatTensor,
  ctx: Context,
): Promise<Critiqued> {
  const { runtime, schedule, conditioning } = ctx;
  const adapters = runtime.put(tensor([policy.params.length], policy.params));
  const context = runtime.put(
    tensor([SAMPLES, ...conditioning.context.shape.slice(1)], new Float32Array(SAMPLES * 8)),
  );
  const latents = [runtime.put(tensor([SAMPLES, 1, 1, CHANNELS], start.data))];
  schedule.forEach((step, i) => {
    const rows = Array.from({ length: SAMPLES }, (_, row) => noiseAt(noise, row, i)).flat();
    const added = tensor([SAMPLES, 1, 1, CHANNELS], rows);
    latents.push(takeStep(ctx, adapters, { context, pooled: context }, latents.at(-1)!, step, added).prev);
  });
  const perStep = tensor([SAMPLES, STEPS], new Float32Array(SAMPLES * STEPS));
  return {
    epoch: 0,
    prompts: Array<string>(SAMPLES).fill("a cat"),
    promptRows: Array<number>(SAMPLES).fill(0),
    latents: stackSteps((await runtime.get(latents)).map(floats)),
    logProbs: perStep,
    observed: null,
    baseLogProbs: null,
    images: tensor([SAMPLES, 1, 2, 3], new Float32Array(SAMPLES * CHANNELS)),
    rewards: new Float32Array(SAMPLES),
    scores: {},
    returns: perStep,
    temporalRewards: perStep,
    explained: null,
    promptStatistics: {},
    rewardMemory: emptyMemory,
    combined: null,
  };
}

function optionsOf(golden: Golden, eta: number, backprop: Partial<BackpropOptions>): Options {
  const { adamw } = golden;
  return {
    ...toyOptions,
    sample: {
      ...toyOptions.sample,
      ...{ num_steps: STEPS, eta, guidance_scale: 1, batch_size: SAMPLES, num_batches_per_epoch: 1 },
    },
    train: {
      ...toyOptions.train,
      learning_rate: adamw.lr,
      adam_beta1: adamw.betas[0],
      adam_beta2: adamw.betas[1],
      adam_weight_decay: adamw.weight_decay,
      adam_epsilon: adamw.eps,
      max_grad_norm: golden.max_grad_norm,
      batch_size: golden.microbatch,
      gradient_accumulation_steps: golden.gradient_accumulation_steps,
    },
    backprop: { ...toyOptions.backprop, ...backprop, target: golden.target ?? 0 },
  };
}

/** What is at a position of the first axis. */
function rowOf({ shape, data }: FloatTensor, row: number): FloatTensor {
  const width = data.length / shape[0]!;
  return tensor(shape.slice(1), data.slice(row * width, (row + 1) * width));
}

/** The numbers of a sample's step, of `[B, T, C]`. */
function noiseAt({ data }: FloatTensor, row: number, step: number): number[] {
  const at = (row * STEPS + step) * CHANNELS;
  return Array.from(data.slice(at, at + CHANNELS) as ArrayLike<number>);
}

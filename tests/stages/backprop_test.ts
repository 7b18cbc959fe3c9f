import { assertEquals, assertGreater } from "@std/assert";
import { fold, key, normals } from "../../lib/core/random.ts";
import { joinRows, pickRows } from "../../lib/core/rows.ts";
import { type F32, type FloatTensor, tensor } from "../../lib/core/tensor.ts";
import { ddimCoefs, type DdimStep, ddimStep, timestepsOf, toImage } from "../../lib/diffusion/ddim.ts";
import {
  grad,
  interpreter,
  reshape,
  type Runtime,
  slice,
  stopGradient,
  type Value,
} from "../../lib/engine/mod.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { bindParams } from "../../lib/nn/scope.ts";
import { packValues, unpackValues } from "../../lib/optim/flat.ts";
import { refl } from "../../lib/methods/mod.ts";
import { rewardGraphOf } from "../../lib/stages/backprop_graphs.ts";
import { backpropagate } from "../../lib/stages/backpropagate.ts";
import { type Context, prepare } from "../../lib/stages/context.ts";
import { rewardLoss } from "../../lib/stages/losses.ts";
import { floats, stackSteps } from "../../lib/stages/rows.ts";
import { floatType, guidedNoise, vector } from "../../lib/stages/sampling_graphs.ts";
import { leapStretch, sampledStretch, type Stretch } from "../../lib/stages/stretches.ts";
import { bindWeights, compileBound } from "../../lib/stages/weights.ts";
import { assertClose } from "../assert_close.ts";
import { toyGradientReward, toyModels, toyOptions, toySetup } from "./toy.ts";

const STEPS = 5;
const BATCH = 3;
const GUIDANCE = 3;
const runtimes = { interpreter: interpreter(), GPU: gpuRuntime(await openGpu(navigator.gpu)) };
const loss = { kind: "distance", target: 0.3, coefficient: 0.7 } as const;
const images = tensor([BATCH, 1, 2, 3], new Float32Array(6 * BATCH));
const promptRows = [2, 0, 1];
const start = tensor([BATCH, 1, 1, 6], normals(key(31), 6 * BATCH));
const noise = Array.from(
  { length: STEPS },
  (_, i) => tensor(start.shape, normals(fold(key(32), i), 6 * BATCH)),
);

/** What of the chain has a gradient, and how the chain runs. */
interface Case {
  readonly isKept: readonly boolean[];
  readonly eta: number;
}

const cases: Readonly<Record<string, Case>> = {
  "the whole chain": { isKept: [true, true, true, true, true], eta: 0 },
  "the whole chain, with noise": { isKept: [true, true, true, true, true], eta: 1 },
  "the last two steps": { isKept: [false, false, false, true, true], eta: 0 },
  "steps with constant ones between": { isKept: [false, true, false, false, true], eta: 1 },
  "steps before constant ones": { isKept: [true, false, true, false, false], eta: 1 },
  "no step": { isKept: [false, false, false, false, false], eta: 1 },
};

for (const [place, runtime] of Object.entries(runtimes)) {
  Deno.test(`${place}: step by step, the gradient is that of the chain unrolled as a whole`, async () => {
    for (const [name, { isKept, eta }] of Object.entries(cases)) {
      const toy = await toyRun(runtime, eta);
      const { latents, gradient, loss } = await unrolled(toy, isKept);
      const stretch = sampledStretch({ latents, images, promptRows }, toy.ctx.schedule, [0, 1, 2], isKept);
      const found = await backpropagated(toy, stretch);
      assertClose(found.gradient, gradient, 1e-5, `${place}, ${name}: gradient`);
      assertClose([found.loss], [loss], 1e-5, `${place}, ${name}: loss`);
      assertEquals(gradient.some((x) => x !== 0), isKept.includes(true), name);
      toy.ctx.free();
    }
  });
}

Deno.test("the gradient of a leap is what the loss gains along it", async () => {
  const toy = await toyRun(interpreter(), 0);
  const steps = [3, 4, 2].map((i) => toImage(toy.ctx.schedule[i]!));
  const along = normals(key(33), toy.policy.length);
  const lossAt = async (length: number) => {
    const policy = toy.policy.map((x, i) => x + length * along[i]!);
    return (await backpropagated(
      { ...toy, policy },
      leapStretch({ images, promptRows }, [0, 1, 2], start, steps),
    )).loss;
  };
  const { gradient } = await backpropagated(
    toy,
    leapStretch({ images, promptRows }, [0, 1, 2], start, steps),
  );
  const slope = gradient.reduce((sum, x, i) => sum + x * along[i]!, 0);
  const h = 2 ** -8;
  assertGreater(Math.abs(slope), 1e-3);
  assertClose([(await lossAt(h) - await lossAt(-h)) / (2 * h)], [slope], 1e-3, "slope along a direction");
});

interface Toy {
  readonly ctx: Context;
  readonly policy: F32;
}

async function toyRun(runtime: Runtime, eta: number): Promise<Toy> {
  const { kind, target, coefficient } = loss;
  const options = {
    ...toyOptions,
    sample: { num_steps: STEPS, eta, guidance_scale: GUIDANCE, batch_size: BATCH, num_batches_per_epoch: 2 },
    train: { ...toyOptions.train, batch_size: BATCH },
    backprop: { ...toyOptions.backprop, loss: kind, target, loss_coeff: coefficient },
  };
  const ctx = await prepare({
    ...toySetup({ ...options, sample: { ...toyOptions.sample, ...options.sample } }, {}, refl),
    ...{ runtime, models: toyModels(runtime) },
    rewards: { train: toyGradientReward(runtime), evaluate: [] },
  });
  return { ctx, policy: normals(key(34), ctx.layouts.policy.length).map((x) => 0.3 * x) };
}

/** The chain in one graph, and the gradient through it. */
async function unrolled({ ctx, policy }: Toy, isKept: readonly boolean[]) {
  const { models, runtime, layouts, schedule, conditioning, uncond } = ctx;
  const reward = rewardGraphOf(ctx.rewards.train);
  const types = {
    policy: vector(policy.length),
    start: floatType(...start.shape),
    noise: floatType(STEPS, ...start.shape),
    context: floatType(BATCH, ...conditioning.context.shape.slice(1)),
    uncond: floatType(...uncond.shape),
    ...Object.fromEntries(
      schedule.flatMap((_, i) => [[`timestep${i}`, vector(BATCH)], [`coefs${i}`, floatType(BATCH, 5)]]),
    ),
  };
  const parts = { policy: models.policy.weights, reward: reward.weights };
  const bound = bindWeights(parts, types, (scopes, inputs) => {
    const given = inputs as Readonly<Record<string, Value>>;
    const adapters = unpackValues(layouts.policy, given.policy!);
    const latents = [given.start!];
    schedule.forEach((_, i) => {
      const [timestep, coefs] = [given[`timestep${i}`]!, given[`coefs${i}`]!];
      const x = latents.at(-1)!;
      const seen = { x, timestep, context: given.context!, uncond: given.uncond! };
      const eps = guidedNoise(models.policy, scopes.policy, bindParams(adapters), seen, GUIDANCE);
      const z = slice(given.noise!, 0, i, i + 1);
      latents.push(ddimStep(x, isKept[i] ? eps : stopGradient(eps), reshape(z, start.shape), coefs).prev);
    });
    const images = models.decoder.build(bindParams({}), latents.at(-1)!);
    const cost = rewardLoss(reward.build(scopes.reward, images, {}), loss);
    const gradients = grad(cost, Object.values(adapters));
    const byName = Object.fromEntries(Object.keys(adapters).map((name, i) => [name, gradients[i]!]));
    return {
      gradient: packValues(layouts.policy, byName),
      loss: reshape(cost, [1]),
      ...Object.fromEntries(latents.map((x, i) => [`latents${i}`, x])),
    };
  });
  const program = await compileBound(runtime, bound);
  const each = (step: DdimStep) => promptRows.map(() => step);
  const results = program.run({
    policy: tensor([policy.length], policy),
    start,
    noise: joinRows(noise.map((z) => tensor([1, ...z.shape], z.data))),
    context: pickRows(conditioning.context, promptRows),
    uncond,
    ...Object.fromEntries(schedule.flatMap((step, i) => [
      [`timestep${i}`, timestepsOf(each(step))],
      [`coefs${i}`, ddimCoefs(each(step))],
    ])),
  });
  const names = Object.keys(results);
  const host = (await runtime.get(Object.values(results))).map(floats);
  const of = (name: string) => host[names.indexOf(name)]!;
  program.free();
  return {
    latents: stackSteps(Array.from({ length: STEPS + 1 }, (_, i) => of(`latents${i}`))),
    gradient: of("gradient").data,
    loss: of("loss").data[0]!,
  };
}

async function backpropagated({ ctx, policy }: Toy, stretch: Stretch) {
  const { runtime } = ctx;
  const put = (data: F32) => runtime.put(tensor([data.length], data));
  const learning = { policy: put(policy), policyGrad: put(new Float32Array(policy.length)) };
  const { policyGrad, loss } = backpropagate(ctx, learning, stretch, 1);
  const [gradient, cost] = (await runtime.get([policyGrad, loss])).map(floats) as [FloatTensor, FloatTensor];
  runtime.free(new Set([...Object.values(learning), policyGrad, loss]));
  return { gradient: gradient.data, loss: cost.data[0]! };
}

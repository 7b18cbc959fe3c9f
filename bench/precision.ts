/**
 * How far each precision is from f32: `deno run -A bench/precision.ts [--set key=value]…`.
 *
 * The embedded model's files hold halves, so rounding them once more would change nothing. What is measured is a model that rounds
 * to it: each weight is moved at random by up to half the distance to the next half. Its policy, with random adapters, draws a batch
 * in f32; in the other precisions the same steps are then predicted, learnt from and judged, and the batch is drawn again from the
 * same noise. Printed are the largest deviation and its root mean square, relative to the largest value and to the root mean square
 * of the values in f32; of log-probabilities, whose differences are what counts, the deviations themselves.
 * @module
 */

import { parseArgs } from "@std/cli";
import { join } from "node:path";
import { fold, key, normals, uniforms } from "../lib/core/random.ts";
import { type F32, size, tensor } from "../lib/core/tensor.ts";
import { writeSafetensors } from "../lib/io/safetensors.ts";
import type { Context } from "../lib/stages/context.ts";
import { putConditions, takeStep } from "../lib/stages/denoise.ts";
import { descend } from "../lib/stages/descend.ts";
import type { Scored, State } from "../lib/stages/records.ts";
import { floats, pickPlaces } from "../lib/stages/rows.ts";
import { sample } from "../lib/stages/sample.ts";
import { score } from "../lib/stages/score.ts";
import { initialState } from "../lib/stages/state.ts";
import type { MicroBatch } from "../lib/stages/training_schedule.ts";
import { readConfig } from "../pipelines/config/mod.ts";
import { copyFolder, readWeights } from "../pipelines/files.ts";
import { modelFolder } from "../pipelines/load/model_folder.ts";
import type { Precision } from "../pipelines/load/precision.ts";
import { loadTraining, prepareTraining } from "../pipelines/open_training.ts";
import { openRuntime } from "../pipelines/open_runtime.ts";
import { readPrompts } from "../pipelines/prompts.ts";

const SEED = key(1);

/** Nothing is clipped, and all samples are learnt from at once. */
const SETTINGS = [
  "sample.num_batches_per_epoch=1",
  "train.gradient_accumulation_steps=1",
  "train.max_grad_norm=1e9",
  "train.clip_range=1e9",
];

/** What is compared, by name. */
type Found = Readonly<Record<string, F32>>;

const { set } = parseArgs(Deno.args, { string: ["set"], collect: ["set"] });
const config = await readConfig({ set: [...SETTINGS, ...set] });
const { runtime } = await openRuntime();
const folder = await Deno.makeTempDir();
await copyFolder(await modelFolder(config.model), folder);
await moveWeights(folder);

let expected: { readonly scored: Scored; readonly found: Found } | null = null;
const rows: Record<string, Record<string, string>> = {};
for (const precision of ["f32", "f16_weights", "f16"] satisfies Precision[]) {
  const pipeline = await loadTraining(runtime, folder, { ...config, mixed_precision: precision });
  const ctx = await prepareTraining(pipeline, config, await readPrompts(config.prompts));
  const state = withAdapters(initialState(ctx));
  const drawn = await score(await sample(state, ctx), ctx);
  expected ??= { scored: drawn, found: await look(state, drawn, drawn, ctx) };
  if (precision !== "f32") {
    const found = await look(state, expected.scored, drawn, ctx);
    for (const [name, values] of Object.entries(found)) {
      (rows[name] ??= {})[precision] = deviation(name, values, expected.found[name]!);
    }
  }
  ctx.free();
  await pipeline.free();
}
await Deno.remove(folder, { recursive: true });
console.table(rows);

/** What a precision makes of samples that f32 drew, and of its own images. */
async function look(state: State, scored: Scored, drawn: Scored, ctx: Context): Promise<Found> {
  const { gradient, logProbs } = await learn(state, scored, ctx);
  const { scores } = await score(scored, ctx);
  return {
    "noise that the UNet predicts": await predict(state, scored, ctx),
    "images of as many steps as are drawn": drawn.images.data,
    "log-probabilities of f32's steps": logProbs,
    "the policy's gradient": gradient,
    ...Object.fromEntries(
      Object.entries(scores).map(([name, values]) => [`${name} of f32's images`, values]),
    ),
  };
}

/** The guided noise of every step of samples. */
async function predict({ policy }: State, { latents, promptRows }: Scored, ctx: Context): Promise<F32> {
  const adapters = runtime.put(tensor([policy.params.length], policy.params));
  const conditions = putConditions(ctx, { conditioning: ctx.conditioning, promptRows, keys: [] });
  const all: number[] = [];
  for (const [i, step] of ctx.schedule.entries()) {
    const x = pickPlaces(latents, promptRows.map((_, row) => [row, i]));
    const still = tensor(x.shape, new Float32Array(size(x.shape)));
    const from = runtime.put(x);
    const stepped = takeStep(ctx, adapters, conditions, from, step, still);
    const [eps] = await runtime.get([stepped.eps]);
    all.push(...floats(eps).data);
    runtime.free([from, ...Object.values(stepped)]);
  }
  runtime.free([adapters, ...Object.values(conditions)]);
  return Float32Array.from(all);
}

/** The gradient on all steps of samples whose worth is random, and the steps' log-probabilities. */
async function learn(
  state: State,
  scored: Scored,
  ctx: Context,
): Promise<{ readonly gradient: F32; readonly logProbs: F32 }> {
  const { shape, data: old } = scored.logProbs;
  const [samples, steps] = shape as readonly [number, number];
  const worth = tensor(shape, normals(fold(SEED, "worth"), samples * steps));
  const policy = Array.from({ length: steps }, (_, step): MicroBatch => ({
    rows: Array.from({ length: samples }, (_, row) => row),
    steps: Array<number>(samples).fill(step),
  }));
  const critiqued = {
    ...scored,
    returns: worth,
    temporalRewards: worth,
    explained: null,
    combined: null,
    promptStatistics: {},
    rewardMemory: state.rewardMemory,
  };
  const { policy: { m }, updates } = await descend(state, critiqued, [{ policy, critic: [] }], SEED, ctx);
  const ratios = updates[0]!.ratios;
  const logProbs = old.map((_, i) =>
    old[i]! + Math.log(ratios[i % steps * samples + Math.floor(i / steps)]!)
  );
  return { gradient: m, logProbs };
}

/** Adapters that change what the model does. */
function withAdapters(state: State): State {
  const { params } = state.policy;
  const moves = normals(fold(SEED, "adapters"), params.length);
  return { ...state, policy: { ...state.policy, params: params.map((x, i) => x + 0.05 * moves[i]!) } };
}

/** Moves the weights of a folder's files to values that round to what they were. */
async function moveWeights(folder: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) await moveWeights(path);
    if (!name.endsWith(".safetensors")) continue;
    const tree = await readWeights(path);
    const moved = Object.entries(tree).map(([name, { shape, data }]) => {
      const draws = uniforms(fold(fold(SEED, path.slice(folder.length)), name), data.length);
      return [name, tensor(shape, data.map((x, i) => x + (draws[i]! - 0.5) * halfStep(x)))];
    });
    await Deno.writeFile(path, writeSafetensors(Object.fromEntries(moved)));
  }
}

/** The distance between halves about a value. */
function halfStep(x: number): number {
  return x === 0 ? 0 : 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(x)))) - 10);
}

/** The largest deviation and the root mean square of all, in words. */
function deviation(name: string, found: F32, expected: F32): string {
  const errors = found.map((value, i) => value - expected[i]!);
  const largest = (xs: F32) => xs.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const spread = (xs: F32) => Math.sqrt(xs.reduce((sum, x) => sum + x * x, 0) / xs.length);
  const isLog = name.startsWith("log-");
  return [largest, spread].map((measure) =>
    (measure(errors) / (isLog ? 1 : measure(expected))).toExponential(1)
  ).join(", rms ");
}

/**
 * How much of the policy's gradient is signal: `deno run -A bench/signal.ts [--epochs 10] [--set key=value]…`.
 *
 * Epochs of samples are drawn from the base model, and each reward of the configuration is compared with the mean of the others of
 * its prompt. An epoch's gradient is `g = s + n`, the same signal and its own noise, so that over pairs of epochs
 * `E[g · g'] / E[g · g] = |s|² / E|g|²`: what is printed, for each denoising step on its own and for all, in the gradient's own
 * proportions and in AdamW's, which divides each element by its deviation plus `adam_epsilon`. A share of 0.05 says that 20 epochs
 * hold as much signal as noise; errors are about 1 / epochs.
 * @module
 */

import { parseArgs } from "@std/cli";
import { fold, key } from "../lib/core/random.ts";
import { type F32, tensor } from "../lib/core/tensor.ts";
import type { Context } from "../lib/stages/context.ts";
import { critique } from "../lib/stages/critique.ts";
import { descend } from "../lib/stages/descend.ts";
import type { Scored } from "../lib/stages/records.ts";
import { sample } from "../lib/stages/sample.ts";
import { score } from "../lib/stages/score.ts";
import { initialState } from "../lib/stages/state.ts";
import type { MicroBatch } from "../lib/stages/training_schedule.ts";
import { readConfig } from "../pipelines/config/mod.ts";
import { modelFolder } from "../pipelines/load/model_folder.ts";
import { loadTraining, prepareTraining } from "../pipelines/open_training.ts";
import { openRuntime } from "../pipelines/open_runtime.ts";
import { readPrompts } from "../pipelines/prompts.ts";

const { epochs: count = "10", set } = parseArgs(Deno.args, { string: ["epochs", "set"], collect: ["set"] });
const config = await readConfig({ set });
const { runtime } = await openRuntime();
const pipeline = await loadTraining(runtime, await modelFolder(config.model), config);
const ctx = await prepareTraining(pipeline, config, await readPrompts(config.prompts));
const state = initialState(ctx);
const epochs: Scored[] = [];
for (let epoch = 0; epoch < Number(count); epoch++) {
  epochs.push(await score(await sample({ ...state, epoch }, ctx), ctx));
}
const rows: Record<string, Record<string, number>> = {};
for (const name of Object.keys(epochs[0]!.scores)) {
  const advantages = comparedWithOthers(epochs.map(({ scores, promptRows }) => [scores[name]!, promptRows]));
  const gradients: F32[][] = [];
  for (const [i, epoch] of epochs.entries()) {
    gradients.push(await gradientsByStep(ctx, epoch, advantages[i]!));
  }
  rows[name] = shares(gradients);
}
console.table(rows);

/** `[N]` for each epoch: a score less the mean of the others of its prompt, among all epochs; 0 where there are none. */
function comparedWithOthers(epochs: readonly (readonly [F32, readonly number[]])[]): F32[] {
  const sums = new Map<number, { readonly count: number; readonly sum: number }>();
  for (const [scores, prompts] of epochs) {
    prompts.forEach((prompt, i) => {
      const { count, sum } = sums.get(prompt) ?? { count: 0, sum: 0 };
      sums.set(prompt, { count: count + 1, sum: sum + scores[i]! });
    });
  }
  return epochs.map(([scores, prompts]) =>
    scores.map((score, i) => {
      const { count, sum } = sums.get(prompts[i]!)!;
      return count === 1 ? 0 : score - (sum - score) / (count - 1);
    })
  );
}

/** The policy's gradient of an epoch's samples at each step, a tenth of it: what an optimizer's first step keeps as its mean. */
async function gradientsByStep(ctx: Context, scored: Scored, advantages: F32): Promise<F32[]> {
  const { sample: { num_steps: steps }, train: { batch_size: size } } = ctx.options;
  const count = advantages.length;
  const spread = new Float32Array(count * steps).map((_, i) => advantages[Math.floor(i / steps)]!);
  const critiqued = {
    ...critique(state, scored, ctx),
    temporalRewards: tensor([count, steps], spread),
  };
  const gradients: F32[] = [];
  for (let step = 0; step < steps; step++) {
    const policy = Array.from({ length: count / size }, (_, batch): MicroBatch => ({
      rows: Array.from({ length: size }, (_, i) => batch * size + i),
      steps: Array<number>(size).fill(step),
    }));
    const descended = await descend(state, critiqued, [{ policy, critic: [] }], fold(key(0), step), ctx);
    gradients.push(descended.policy.m);
  }
  return gradients;
}

/** The shares of signal: by step, of all steps, and of the steps that training learns from, as AdamW goes. */
function shares(gradients: readonly (readonly F32[])[]): Record<string, number> {
  const { sample: { num_steps: steps }, train: { drop_last_steps, adam_epsilon } } = config;
  const all = Array.from({ length: steps }, (_, step) => step);
  const learnt = all.slice(0, steps - drop_last_steps);
  const deviations = new Float64Array(gradients[0]![0]!.length).map((_, i) =>
    10 * Math.sqrt(mean(gradients.flatMap((epoch) => learnt.map((step) => epoch[step]![i]! ** 2))))
  );
  const adamw = (epsilon: number) => deviations.map((deviation) => deviation && 1 / (deviation + epsilon));
  const plain = deviations.map(() => 1);
  return {
    ...Object.fromEntries(all.map((step) => [`step ${step}`, share(gradients, [step], plain)])),
    "all steps": share(gradients, all, plain),
    [`first ${learnt.length}`]: share(gradients, learnt, plain),
    [`AdamW ${adam_epsilon}`]: share(gradients, learnt, adamw(adam_epsilon)),
    "AdamW 1e-8": share(gradients, learnt, adamw(1e-8)),
  };
}

/** `|s|² / E|g|²` of the sum over some steps, each element taken so many times. */
function share(
  gradients: readonly (readonly F32[])[],
  steps: readonly number[],
  scale: Float64Array,
): number {
  const sums = gradients.map((epoch) =>
    scale.map((factor, i) => factor * steps.reduce((sum, step) => sum + epoch[step]![i]!, 0))
  );
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  const pairs = sums.flatMap((a, i) => sums.slice(0, i).map((b) => dot(a, b)));
  return Number((mean(pairs) / mean(sums.map((a) => dot(a, a)))).toFixed(3));
}

function mean(xs: readonly number[]): number {
  return xs.reduce((sum, x) => sum + x, 0) / xs.length;
}

/**
 * The first stage: the policy denoises, and what happens on the way is kept.
 * @module
 */

import { fold, type Key } from "../core/random.ts";
import { joinRows } from "../core/rows.ts";
import { type FloatTensor, tensor } from "../core/tensor.ts";
import { ddimCoefs, timestepsOf, toImage } from "../diffusion/ddim.ts";
import type { DeviceArray } from "../engine/runtime.ts";
import type { Context } from "./context.ts";
import {
  type Baseline,
  type Batch,
  compareStep,
  noiseOf,
  putBaseline,
  putConditions,
  startingNoise,
  takeStep,
} from "./denoise.ts";
import { samplesPerEpoch } from "./options.ts";
import { decodeProgram, observeProgram, predictProgram } from "./programs.ts";
import { choosePrompts } from "./prompts.ts";
import type { Sampled, State } from "./records.ts";
import { floats, stackSteps } from "./rows.ts";

/**
 * Samples an epoch's images: `sample.group_size` of a prompt in a row, from one noise if `sample.group_noise` says so.
 *
 * At every step `i` it keeps the latents `x_i`, the log-probability of `x_{i+1}` computed from its stored value, and, where the
 * method has a critic, what the critic sees of `x_i`, or of the image predicted in it, and predicts from that. Neither knows the
 * step's noise, so what is taken off the return depends on where the step starts alone. Noise depends on the run's key, the epoch,
 * the sample and the step alone, so neither batching nor resuming changes a bit.
 *
 * See Zhang et al. 2024, https://arxiv.org/abs/2402.08552. Differs from the reference implementation: the log-probability is
 * that of the stored latents (quirk 25).
 */
export async function sample(state: State, ctx: Context): Promise<Sampled> {
  const { options, runtime, conditioning } = ctx;
  const { batch_size: size, num_batches_per_epoch: batches } = options.sample;
  const count = samplesPerEpoch(options);
  const promptKey = fold(state.key, "prompts");
  const { prompts } = conditioning;
  const { group_size: group, group_noise } = options.sample;
  const promptRows = choosePrompts(
    promptKey,
    state.epoch,
    count / group,
    prompts.length,
    options.prompts_balanced,
  ).flatMap((row) => Array<number>(group).fill(row));
  const epochKey = fold(fold(state.key, "sample"), state.epoch);
  const keys = promptRows.map((_, i) => fold(epochKey, i));
  const startKeys = keys.map((key, i) => group_noise ? keys[i - i % group]! : key);

  const policy = runtime.put(tensor([state.policy.params.length], state.policy.params));
  const critic = state.critic && runtime.put(tensor([state.critic.params.length], state.critic.params));
  const base = options.kl_penalty_coef > 0 ? putBaseline(ctx) : null;
  const parts: Trajectory[] = [];
  for (let batch = 0; batch < batches; batch++) {
    const part = <T>(xs: readonly T[]) => xs.slice(batch * size, (batch + 1) * size);
    const request = { conditioning, promptRows: part(promptRows), keys: part(keys) };
    parts.push(await sampleBatch(ctx, { policy, critic, base }, request, part(startKeys)));
    ctx.onProgress?.({ stage: "sample", done: batch + 1, total: batches });
  }
  runtime.free([policy, ...critic ? [critic] : [], ...base ? [base.policy] : []]);
  const join = (pick: (part: Trajectory) => FloatTensor) => joinRows(parts.map(pick));
  return {
    epoch: state.epoch,
    prompts: promptRows.map((row) => prompts[row]!),
    promptRows,
    latents: join(({ latents }) => latents),
    logProbs: join(({ logProbs }) => logProbs),
    observed: parts[0]!.observed && {
      embeddings: join(({ observed }) => observed!.embeddings),
      residuals: join(({ observed }) => observed!.residuals),
    },
    baseLogProbs: parts[0]!.baseLogProbs && join(({ baseLogProbs }) => baseLogProbs!),
    images: join(({ images }) => images),
  };
}

type Trajectory = Omit<Sampled, "epoch" | "prompts" | "promptRows">;

/** What sampling runs, where the runtime computes. */
interface Networks {
  readonly policy: DeviceArray;
  readonly critic: DeviceArray | null;
  readonly base: Baseline | null;
}

/** Queues all steps of a batch, then reads everything back at once. */
async function sampleBatch(
  ctx: Context,
  { policy, critic, base }: Networks,
  batch: Batch,
  startKeys: readonly Key[],
): Promise<Trajectory> {
  const { runtime, programs, schedule, options } = ctx;
  const { every } = options.critic;
  const conditions = putConditions(ctx, batch);
  const latents = [runtime.put(startingNoise(ctx, startKeys))];
  const logProbs: DeviceArray[] = [];
  const embeddings: DeviceArray[] = [];
  const residuals: DeviceArray[] = [];
  const baseLogProbs: DeviceArray[] = [];
  schedule.forEach((step, stepIndex) => {
    const x = latents.at(-1)!;
    const noise = noiseOf(ctx, batch.keys, stepIndex);
    const stepped = takeStep(ctx, policy, conditions, x, step, noise);
    if (critic !== null) {
      const steps = batch.keys.map(() => step);
      const given = { critic, timestep: timestepsOf(steps), pooled: conditions.pooled };
      if (stepIndex % every === 0) {
        const { context } = conditions;
        const seen = { x, eps: stepped.eps, coefs: ddimCoefs(steps.map(toImage)), context };
        const { embedding, residual } = programs.of(observeProgram).run({ ...given, ...seen });
        embeddings.push(embedding!);
        residuals.push(residual!);
      } else {
        const embedding = embeddings.at(-1)!;
        residuals.push(programs.of(predictProgram).run({ ...given, embedding }).residual!);
      }
    }
    latents.push(stepped.prev);
    logProbs.push(stepped.logProb);
    if (base !== null) {
      const { kl, logProb } = compareStep(base, stepped, ctx, conditions, x, step, noise);
      baseLogProbs.push(logProb);
      runtime.free([kl]);
    }
    runtime.free([stepped.eps]);
  });
  const images = programs.of(decodeProgram).run({ x: latents.at(-1)! }).images!;
  const all = [...latents, ...logProbs, ...embeddings, ...residuals, ...baseLogProbs, images];
  const host = (await runtime.get(all)).map(floats);
  runtime.free([...all, conditions.context, conditions.pooled]);
  const take = (count: number) => host.splice(0, count);
  const held = (looks: readonly FloatTensor[]) => schedule.map((_, i) => looks[Math.floor(i / every)]!);
  return {
    latents: stackSteps(take(latents.length)),
    logProbs: stackSteps(take(logProbs.length)),
    observed: critic && {
      embeddings: stackSteps(held(take(embeddings.length))),
      residuals: stackSteps(take(residuals.length)),
    },
    baseLogProbs: base && stackSteps(take(baseLogProbs.length)),
    images: host[0]!,
  };
}

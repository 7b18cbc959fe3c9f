/**
 * Images of given prompts from given keys, for evaluation and for looking at.
 * @module
 */

import { joinRows, pickRows } from "../core/rows.ts";
import { type F32, type FloatTensor, tensor } from "../core/tensor.ts";
import { ddimSchedule, type DdimStep } from "../diffusion/ddim.ts";
import type { DeviceArray, Program } from "../engine/runtime.ts";
import type { Context } from "./context.ts";
import {
  type Baseline,
  type Batch,
  compareStep,
  type Denoiser,
  noiseOf,
  putBaseline,
  putConditions,
  startingNoise,
  takeStep,
} from "./denoise.ts";
import { decodeProgram } from "./programs.ts";
import { floats, stackSteps } from "./rows.ts";

/** What to generate with. */
export interface GenerateOptions {
  /** Noise of a step; default `sample.eta`. */
  readonly eta?: number;
}

/** What was generated. */
export interface Generated {
  /** `[N, H', W', 3]`, RGB in [0, 1]. */
  readonly images: FloatTensor;
  /** `[N]`, divergence of the trajectories from the base model's: see {@linkcode generate}; `null` where steps have no noise. */
  readonly klToBase: F32 | null;
}

/** What draws images. */
export interface Drawing extends Denoiser {
  /** From latents to images: see `decodeGraph`. */
  readonly decode: Program;
  /** The denoising steps, from noise to image. */
  readonly schedule: readonly DdimStep[];
  /** Samples that its programs take together. */
  readonly batchSize: number;
}

/** A batch that was drawn. */
export interface Drawn {
  /** `[B, H', W', 3]`, RGB in [0, 1]. */
  readonly images: FloatTensor;
  /** `[B]`, divergence of the trajectories from the base model's; 0 where that is not followed. */
  readonly klToBase: F32;
}

/**
 * Generates images. The same prompt and key give the same image in every batch.
 *
 * `klToBase[n] = Σ_t ||μ_θ - μ_base||² / (2 σ_t²)` over the steps of the trajectory that the policy took; following the base
 * model takes as long again. Steps without noise have no such divergence.
 *
 * @param policy Flat; the divergence of `ctx.basePolicy` is 0 and not computed.
 * @param request Any number of samples.
 * @throws {RangeError} If there are no samples.
 */
export async function generate(
  policy: F32,
  request: Batch,
  ctx: Context,
  { eta = ctx.options.sample.eta }: GenerateOptions = {},
): Promise<Generated> {
  const { runtime, programs, options, models, basePolicy } = ctx;
  const count = request.keys.length;
  if (count === 0) throw new RangeError("Cannot generate as there are no samples");
  const drawing: Drawing = {
    ...ctx,
    decode: programs.of(decodeProgram),
    schedule: ddimSchedule(models.scheduler, options.sample.num_steps, eta),
    batchSize: options.sample.batch_size,
  };
  const own = runtime.put(tensor([policy.length], policy));
  const base = eta > 0 && policy.some((x, i) => x !== basePolicy[i]) ? putBaseline(ctx) : null;
  const parts = await Array.fromAsync(drawBatches(drawing, own, request, base));
  runtime.free([own, ...base ? [base.policy] : []]);
  return {
    images: joinRows(parts.map(({ images }) => images)),
    klToBase: eta === 0
      ? null
      : Float32Array.from(parts.flatMap(({ klToBase }) => Array.from(klToBase as ArrayLike<number>))),
  };
}

/**
 * Draws images batch by batch. The last batch is filled up with its last sample.
 *
 * @param request Any number of samples.
 * @param base The base model, if it is to be followed.
 */
export async function* drawBatches(
  drawing: Drawing,
  policy: DeviceArray,
  { conditioning, promptRows, keys }: Batch,
  base: Baseline | null = null,
): AsyncGenerator<Drawn> {
  const { batchSize: size } = drawing;
  for (let start = 0; start < keys.length; start += size) {
    const rows = Array.from({ length: size }, (_, i) => Math.min(start + i, keys.length - 1));
    const batch = {
      conditioning,
      promptRows: rows.map((row) => promptRows[row]!),
      keys: rows.map((row) => keys[row]!),
    };
    const { images, klToBase } = await drawBatch(drawing, policy, batch, base);
    const kept = rows.slice(0, keys.length - start).map((_, i) => i);
    yield { images: pickRows(images, kept), klToBase: klToBase.slice(0, kept.length) };
  }
}

async function drawBatch(
  drawing: Drawing,
  policy: DeviceArray,
  batch: Batch,
  base: Baseline | null,
): Promise<Drawn> {
  const { runtime, models, schedule, decode } = drawing;
  const conditions = putConditions(drawing, batch);
  const divergences: DeviceArray[] = [];
  let x = runtime.put(startingNoise(drawing, batch.keys));
  schedule.forEach((step, stepIndex) => {
    const noise = noiseOf(drawing, batch.keys, stepIndex);
    const stepped = takeStep(drawing, policy, conditions, x, step, noise);
    if (base !== null) {
      const { kl, logProb } = compareStep(base, stepped, drawing, conditions, x, step, noise);
      divergences.push(kl);
      runtime.free([logProb]);
    }
    runtime.free([x, stepped.logProb, stepped.eps]);
    x = stepped.prev;
  });
  const { images } = decode.run({ x });
  const [pictures, ...kls] = (await runtime.get([images!, ...divergences])).map(floats);
  runtime.free([x, images!, conditions.context, conditions.pooled, ...divergences]);
  return { images: pictures!, klToBase: totals(kls, batch.keys.length, models.latentShape) };
}

/** From means over elements at each step to sums over elements and steps. */
function totals(kls: readonly FloatTensor[], count: number, shape: readonly number[]): F32 {
  const out = new Float32Array(count);
  if (kls.length === 0) return out;
  const elements = shape.reduce((product, extent) => product * extent, 1);
  const { data } = stackSteps(kls);
  data.forEach((kl, i) => out[Math.floor(i / kls.length)]! += kl * elements);
  return out;
}

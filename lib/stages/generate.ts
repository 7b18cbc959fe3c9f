/**
 * Images of given prompts from given keys, for evaluation and for looking at.
 * @module
 */

import { type F32, type FloatTensor, tensor } from "../core/tensor.ts";
import { ddimCoefs, ddimSchedule, type DdimStep } from "../diffusion/ddim.ts";
import type { DeviceArray } from "../engine/runtime.ts";
import type { Context } from "./context.ts";
import { type Batch, noiseOf, putConditions, startingNoise, takeStep } from "./denoise.ts";
import { decodeProgram, divergenceProgram } from "./programs.ts";
import { floats, joinRows, pickRows, stackSteps } from "./rows.ts";

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
  const { runtime, options, models, basePolicy } = ctx;
  const count = request.keys.length;
  if (count === 0) throw new RangeError("Cannot generate as there are no samples");
  const schedule = ddimSchedule(models.scheduler, options.sample.num_steps, eta);
  const size = options.sample.batch_size;
  const put = (vector: F32) => runtime.put(tensor([vector.length], vector));
  const own = put(policy);
  const base = eta > 0 && policy.some((x, i) => x !== basePolicy[i]) ? put(basePolicy) : null;
  const parts: Drawn[] = [];
  for (let start = 0; start < count; start += size) {
    const rows = Array.from({ length: size }, (_, i) => Math.min(start + i, count - 1));
    const batch = {
      conditioning: request.conditioning,
      promptRows: rows.map((row) => request.promptRows[row]!),
      keys: rows.map((row) => request.keys[row]!),
    };
    const part = await generateBatch(ctx, { own, base }, batch, schedule);
    const kept = rows.slice(0, count - start).map((_, i) => i);
    parts.push({
      images: pickRows(part.images, kept),
      klToBase: part.klToBase.slice(0, kept.length),
    });
  }
  runtime.free([own, ...base ? [base] : []]);
  return {
    images: joinRows(parts.map(({ images }) => images)),
    klToBase: eta === 0
      ? null
      : Float32Array.from(parts.flatMap(({ klToBase }) => Array.from(klToBase as ArrayLike<number>))),
  };
}

/** A batch of images; the divergence is 0 where the base model is not followed. */
interface Drawn {
  readonly images: FloatTensor;
  readonly klToBase: F32;
}

interface Networks {
  readonly own: DeviceArray;
  readonly base: DeviceArray | null;
}

async function generateBatch(
  ctx: Context,
  { own, base }: Networks,
  batch: Batch,
  schedule: readonly DdimStep[],
): Promise<Drawn> {
  const { runtime, programs, models } = ctx;
  const count = batch.keys.length;
  const conditions = putConditions(ctx, batch);
  const divergences: DeviceArray[] = [];
  let x = runtime.put(startingNoise(ctx, batch.keys));
  schedule.forEach((step, stepIndex) => {
    const noise = noiseOf(ctx, batch.keys, stepIndex);
    const { prev, logProb, eps } = takeStep(ctx, own, conditions, x, step, noise);
    if (base !== null) {
      const other = takeStep(ctx, base, conditions, x, step, noise);
      const coefs = ddimCoefs(Array<DdimStep>(count).fill(step));
      divergences.push(programs.of(divergenceProgram).run({ eps, base: other.eps, coefs }).kl!);
      runtime.free([other.prev, other.logProb, other.eps]);
    }
    runtime.free([x, logProb, eps]);
    x = prev;
  });
  const { images } = programs.of(decodeProgram).run({ x });
  const [pictures, ...kls] = (await runtime.get([images!, ...divergences])).map(floats);
  runtime.free([x, images!, conditions.context, conditions.pooled, ...divergences]);
  return { images: pictures!, klToBase: totals(kls, count, models.latentShape) };
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

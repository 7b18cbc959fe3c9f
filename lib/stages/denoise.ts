/**
 * Denoising a batch, step by step. Every sample has a key of its own, so what becomes of it does not depend on its batch.
 * @module
 */

import { fold, type Key, normals } from "../core/random.ts";
import { pickRows } from "../core/rows.ts";
import { type FloatTensor, type Shape, size, tensor } from "../core/tensor.ts";
import { ddimCoefs, type DdimStep, timestepsOf } from "../diffusion/ddim.ts";
import type { DeviceArray, Program, Runtime } from "../engine/runtime.ts";
import type { Conditioning } from "./conditioning.ts";
import type { Context } from "./context.ts";
import type { Models } from "./models.ts";
import { comparisonProgram } from "./programs.ts";

/** What denoising needs; a run's `Context` has it all. */
export interface Denoiser {
  /** Where everything runs. */
  readonly runtime: Runtime;
  /** Whose latents they are. */
  readonly models: Pick<Models, "latentShape">;
  /** A denoising step: see `stepGraph`. */
  readonly step: Program;
  /** `[1, S, D]`, the empty prompt, which guidance leads away from. */
  readonly uncond: FloatTensor;
}

/** Samples of one batch. */
export interface Batch {
  /** The prompts they may ask for. */
  readonly conditioning: Conditioning;
  /** The number of each sample's prompt. */
  readonly promptRows: readonly number[];
  /** Each sample's key. */
  readonly keys: readonly Key[];
}

/** A batch's prompts where the runtime computes; whoever made it frees it. */
export interface BatchConditions {
  /** `[B, S, D]`. */
  readonly context: DeviceArray;
  /** `[B, E]`. */
  readonly pooled: DeviceArray;
}

/** What a step leads to. */
export interface Stepped {
  /** `[B, H, W, C]`, the next latents. */
  readonly prev: DeviceArray;
  /** `[B]`, their log-probability. */
  readonly logProb: DeviceArray;
  /** `[B, H, W, C]`, the guided prediction. */
  readonly eps: DeviceArray;
}

/** The base model, to compare steps with. */
export interface Baseline {
  /** Its policy, flat: see `basePolicy`. */
  readonly policy: DeviceArray;
  /** What it makes of a step: see `comparisonGraph`. */
  readonly compare: Program;
}

/** What the base model makes of a step. */
export interface Compared {
  /** `[B]`, how far its own step from the same latents leads from there, as mean over elements. */
  readonly kl: DeviceArray;
  /** `[B]`, how probable it holds where the step led, as mean over elements. */
  readonly logProb: DeviceArray;
}

/** Brings the base model to where the runtime computes; whoever made it frees its policy. */
export function putBaseline({ runtime, programs, basePolicy }: Context): Baseline {
  return {
    policy: runtime.put(tensor([basePolicy.length], basePolicy)),
    compare: programs.of(comparisonProgram),
  };
}

/** Brings a batch's prompts to where the runtime computes. */
export function putConditions({ runtime }: Denoiser, { conditioning, promptRows }: Batch): BatchConditions {
  return {
    context: runtime.put(pickRows(conditioning.context, promptRows)),
    pooled: runtime.put(pickRows(conditioning.pooled, promptRows)),
  };
}

/** The noise that samples start from, `[B, H, W, C]`. */
export function startingNoise({ models }: Denoiser, keys: readonly Key[]): FloatTensor {
  return noise(models.latentShape, keys.map((key) => fold(key, "start")));
}

/** The noise that a step adds, `[B, H, W, C]`. */
export function noiseOf({ models }: Denoiser, keys: readonly Key[], stepIndex: number): FloatTensor {
  return noise(models.latentShape, keys.map((key) => fold(fold(key, "step"), stepIndex)));
}

/**
 * Takes one step with a batch.
 *
 * @param policy Flat; `basePolicy` is the base model.
 * @param step The same for all samples.
 */
export function takeStep(
  { step: program, uncond }: Denoiser,
  policy: DeviceArray,
  { context }: BatchConditions,
  x: DeviceArray,
  step: DdimStep,
  noise: FloatTensor,
): Stepped {
  const steps = Array<DdimStep>(x.shape[0]!).fill(step);
  const { prev, logProb, eps } = program.run({
    policy,
    x,
    noise,
    context,
    uncond,
    timestep: timestepsOf(steps),
    coefs: ddimCoefs(steps),
  });
  return { prev: prev!, logProb: logProb!, eps: eps! };
}

/** Asks the base model about a step that was taken from `x`. */
export function compareStep(
  { policy, compare }: Baseline,
  { eps, prev }: Stepped,
  denoiser: Denoiser,
  conditions: BatchConditions,
  x: DeviceArray,
  step: DdimStep,
  noise: FloatTensor,
): Compared {
  const other = takeStep(denoiser, policy, conditions, x, step, noise);
  const coefs = ddimCoefs(Array<DdimStep>(x.shape[0]!).fill(step));
  const { kl, logProb } = compare.run({ x, eps, prev, base: other.eps, coefs });
  denoiser.runtime.free([other.prev, other.logProb, other.eps]);
  return { kl: kl!, logProb: logProb! };
}

function noise(shape: Shape, keys: readonly Key[]): FloatTensor {
  const each = size(shape);
  const out = new Float32Array(keys.length * each);
  keys.forEach((key, i) => out.set(normals(key, each), i * each));
  return tensor([keys.length, ...shape], out);
}

/**
 * Denoising diffusion implicit models (Song et al. 2021, https://arxiv.org/abs/2010.02502): the schedule of steps, one step,
 * and how probable the latents are that it reached.
 *
 * With `a` the share of the image in the latents at a timestep and `a'` at the one before,
 * `σ² = eta² (1 - a')/(1 - a) (1 - a/a')`, `x̂0 = (x - √(1 - a) eps)/√a`, `μ = √a' x̂0 + √(1 - a' - σ²) eps`,
 * `x' = μ + σ z`. The mean is linear in `x` and `eps`, so a step is two coefficients, computed in f64 on the host.
 * @module
 */

import { type FloatTensor, type Shape, showShape, tensor } from "../core/tensor.ts";
import type { Value } from "../engine/graph.ts";
import { add, mul, square, sub } from "../engine/ops/elementwise.ts";
import { mean } from "../engine/ops/reductions.ts";
import { reshape, slice } from "../engine/ops/views.ts";
import type { SchedulerConfig } from "./scheduler_config.ts";

/** One step of a schedule. */
export interface DdimStep {
  /** The timestep it starts from, which the model is told. */
  readonly timestep: number;
  /** The timestep it leads to. */
  readonly previousTimestep: number;
  /** Share of the image in the latents it starts from, in (0, 1). */
  readonly alpha: number;
  /** Share of the image in the latents it leads to, in (0, 1). */
  readonly previousAlpha: number;
  /** Standard deviation of the noise it adds. */
  readonly sigma: number;
}

/** A step on symbolic latents. */
export interface DdimMove {
  /** `[B, H, W, C]`, the latents it leads to. */
  readonly prev: Value;
  /** `[B]`, how probable they are: see {@linkcode ddimLogProb}. */
  readonly logProb: Value;
}

/** Columns of {@linkcode ddimCoefs}. */
const COLUMNS = { latents: 0, eps: 1, sigma: 2, precision: 3, logScale: 4 } as const;

/** How many numbers describe a step: the columns of {@linkcode ddimCoefs}. */
export const DDIM_COEFS: number = Object.keys(COLUMNS).length;

/** The share of the image in the latents of every timestep, `Π (1 - β)`, in f64. */
export function alphasCumprod(config: SchedulerConfig): Float64Array {
  const { num_train_timesteps: count, beta_start, beta_end, beta_schedule } = config;
  const isScaled = beta_schedule === "scaled_linear";
  const [first, last] = isScaled ? [Math.sqrt(beta_start), Math.sqrt(beta_end)] : [beta_start, beta_end];
  let product = 1;
  return Float64Array.from({ length: count }, (_, i) => {
    const beta = first + (last - first) * i / (count - 1);
    product *= 1 - (isScaled ? beta * beta : beta);
    return product;
  });
}

/**
 * The steps from noise to image, timesteps `… 2n + offset, n + offset, offset` with `n` steps apart.
 *
 * The last step leads to timestep 0 at the lowest, whose share of the image is that of the table.
 *
 * @param count Number of steps.
 * @param eta 0 adds no noise, 1 as much as ancestral sampling does.
 * @throws {RangeError} If there are not as many timesteps, or eta is outside [0, 1].
 */
export function ddimSchedule(config: SchedulerConfig, count: number, eta: number): DdimStep[] {
  const { num_train_timesteps: most, steps_offset: offset } = config;
  const stride = Math.floor(most / count);
  if (!(Number.isInteger(count) && count >= 1 && stride >= 1)) {
    throw new RangeError(`Cannot denoise in ${count} steps as the model knows ${most} timesteps`);
  }
  const first = (count - 1) * stride + offset;
  if (first >= most) {
    throw new RangeError(
      `Cannot denoise in ${count} steps as they begin beyond the model's last timestep, ${
        most - 1
      }: ${first}`,
    );
  }
  if (!(eta >= 0 && eta <= 1)) throw new RangeError(`Cannot denoise as eta is outside [0, 1]: ${eta}`);
  const alphas = alphasCumprod(config);
  return Array.from({ length: count }, (_, stepIndex) => {
    const timestep = (count - 1 - stepIndex) * stride + offset;
    const previousTimestep = Math.max(timestep - stride, 0);
    const alpha = alphas[timestep]!;
    const previousAlpha = alphas[previousTimestep]!;
    const variance = (1 - previousAlpha) / (1 - alpha) * (1 - alpha / previousAlpha);
    return { timestep, previousTimestep, alpha, previousAlpha, sigma: eta * Math.sqrt(variance) };
  });
}

/**
 * What symbolic steps compute with, one row a sample, so that every sample of a batch may be at another step.
 *
 * @returns `[B, 5]`: the factors of `x` and `eps` in the mean, `σ`, `1/σ²` and `-log σ - log √(2π)`; the last two are 0
 * where a step adds no noise, and so is the log-probability then.
 */
export function ddimCoefs(steps: readonly DdimStep[]): FloatTensor {
  return tensor(
    [steps.length, DDIM_COEFS],
    steps.flatMap(({ alpha, previousAlpha, sigma }) => {
      const image = Math.sqrt(previousAlpha / alpha);
      const noise = Math.sqrt(Math.max(0, 1 - previousAlpha - sigma * sigma)) - image * Math.sqrt(1 - alpha);
      const isRandom = sigma > 0;
      return [
        image,
        noise,
        sigma,
        isRandom ? 1 / (sigma * sigma) : 0,
        isRandom ? -Math.log(sigma) - 0.5 * Math.log(2 * Math.PI) : 0,
      ];
    }),
  );
}

/** The step that leads all the way to the image that is predicted in its latents, `x̂0`. */
export function toImage(step: DdimStep): DdimStep {
  return { ...step, previousTimestep: 0, previousAlpha: 1, sigma: 0 };
}

/** The timesteps of steps as the model is told them, `[B]`. */
export function timestepsOf(steps: readonly DdimStep[]): FloatTensor {
  return tensor([steps.length], steps.map(({ timestep }) => timestep));
}

/** Classifier-free guidance (Ho & Salimans 2022, https://arxiv.org/abs/2207.12598): `uncond + scale (cond - uncond)`. */
export function guide(epsUncond: Value, epsCond: Value, scale: number): Value {
  return add(epsUncond, mul(sub(epsCond, epsUncond), scale));
}

/**
 * The mean of where a step leads.
 *
 * @param x `[B, …]`, latents.
 * @param eps `[B, …]`, the noise predicted in them.
 * @param coefs `[B, 5]`, of {@linkcode ddimCoefs}.
 * @returns `[B, …]`.
 */
export function ddimMean(x: Value, eps: Value, coefs: Value): Value {
  checkCoefs(coefs, x.shape);
  return add(mul(column(coefs, "latents", x.shape), x), mul(column(coefs, "eps", x.shape), eps));
}

/** One step: `μ + σ z`, and the log-probability computed from that value as it is stored. */
export function ddimStep(x: Value, eps: Value, noise: Value, coefs: Value): DdimMove {
  const prev = add(ddimMean(x, eps, coefs), mul(column(coefs, "sigma", x.shape), noise));
  return { prev, logProb: ddimLogProb(x, eps, prev, coefs) };
}

/**
 * The log-probability of stored latents under a step, as mean over their elements:
 * `mean(-(x' - μ)²/(2σ²)) - log σ - log √(2π)`.
 *
 * Sampling and training both call this on the same stored values, so their results have the same bits.
 *
 * @returns `[B]`; 0 where the step adds no noise.
 */
export function ddimLogProb(x: Value, eps: Value, prev: Value, coefs: Value): Value {
  const distance = meanSquare(sub(prev, ddimMean(x, eps, coefs)));
  const half = mul(column(coefs, "precision", [x.shape[0]!]), -0.5);
  return add(mul(distance, half), column(coefs, "logScale", [x.shape[0]!]));
}

/**
 * The Kullback-Leibler divergence of a step's two outcomes under two predictions, as mean over the latents' elements:
 * `mean((μ - μ')²)/(2σ²)`. Times the number of elements it is the divergence itself.
 *
 * @returns `[B]`; 0 where the step adds no noise.
 */
export function ddimKl(eps: Value, otherEps: Value, coefs: Value): Value {
  checkCoefs(coefs, eps.shape);
  const distance = meanSquare(mul(column(coefs, "eps", eps.shape), sub(eps, otherEps)));
  return mul(distance, mul(column(coefs, "precision", [eps.shape[0]!]), 0.5));
}

function meanSquare(x: Value): Value {
  return mean(square(x), x.shape.map((_, axis) => axis).slice(1));
}

/** A column as `[B, 1, …]`, to be broadcast over the latents. */
function column(coefs: Value, name: keyof typeof COLUMNS, shape: Shape): Value {
  const at = COLUMNS[name];
  return reshape(slice(coefs, 1, at, at + 1), shape.map((extent, axis) => axis === 0 ? extent : 1));
}

function checkCoefs({ shape }: Value, latents: Shape): void {
  if (shape.length !== 2 || shape[0] !== latents[0] || shape[1] !== DDIM_COEFS) {
    throw new TypeError(
      `Cannot step as there are not ${DDIM_COEFS} coefficients for each sample: ${
        showShape(shape)
      } for latents ${showShape(latents)}`,
    );
  }
}

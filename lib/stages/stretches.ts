/**
 * Stretches of denoising: what a reward's gradient is brought back through.
 * @module
 */

import type { FloatTensor, Shape } from "../core/tensor.ts";
import type { DdimStep } from "../diffusion/ddim.ts";
import type { Sampled } from "./records.ts";
import { pickPlaces } from "./rows.ts";

/** A stretch of denoising that a reward is differentiated through. */
export interface Stretch {
  /** The number of each sample's prompt in the run's list. */
  readonly promptRows: readonly number[];
  /** `[H, W, 3]` of one image that its latents are decoded to. */
  readonly imageShape: Shape;
  /** `[B, H, W, C]`, the latents at its end; `null`: those that its only step leads to under the policy, without noise. */
  readonly end: FloatTensor | null;
  /** Its steps whose prediction has a gradient, the last first. */
  readonly links: readonly Link[];
}

/** A step whose prediction has a gradient. */
export interface Link {
  /** `[B, H, W, C]`, the latents that it starts from. */
  readonly x: FloatTensor;
  /** The step of each sample. */
  readonly steps: readonly DdimStep[];
  /** What reaches its end of the adjoint that left the link before it: the product over steps between, whose prediction is constant. */
  readonly direct: number;
}

/**
 * The stretch from noise to image that was sampled.
 *
 * @param rows Which samples.
 * @param isKept Of each step, whether its prediction has a gradient; others are constants, which the gradient passes by on the
 * direct path from `x_t` to `x_t'`.
 */
export function sampledStretch(
  { latents, images, promptRows }: Pick<Sampled, "latents" | "images" | "promptRows">,
  schedule: readonly DdimStep[],
  rows: readonly number[],
  isKept: readonly boolean[],
): Stretch {
  const at = (stepIndex: number) => pickPlaces(latents, rows.map((row) => [row, stepIndex] as const));
  const links: Link[] = [];
  let direct = 1;
  for (let stepIndex = schedule.length - 1; stepIndex >= 0; stepIndex--) {
    const step = schedule[stepIndex]!;
    if (!isKept[stepIndex]) {
      direct *= Math.sqrt(step.previousAlpha / step.alpha);
      continue;
    }
    links.push({ x: at(stepIndex), steps: rows.map(() => step), direct });
    direct = 1;
  }
  return { ...seen(promptRows, images, rows), end: at(schedule.length), links };
}

/**
 * The stretch of one step without noise from given latents.
 *
 * @param rows Which samples they are of.
 * @param x `[B, H, W, C]`.
 */
export function leapStretch(
  { images, promptRows }: Pick<Sampled, "images" | "promptRows">,
  rows: readonly number[],
  x: FloatTensor,
  steps: readonly DdimStep[],
): Stretch {
  return {
    ...seen(promptRows, images, rows),
    end: null,
    links: [{ x, steps: steps.map(withoutNoise), direct: 1 }],
  };
}

function seen(
  promptRows: readonly number[],
  images: FloatTensor,
  rows: readonly number[],
): Pick<Stretch, "promptRows" | "imageShape"> {
  return { promptRows: rows.map((row) => promptRows[row]!), imageShape: images.shape.slice(1) };
}

function withoutNoise(step: DdimStep): DdimStep {
  return { ...step, sigma: 0 };
}

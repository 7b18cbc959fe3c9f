/**
 * What training costs, counted in evaluations of the UNet on one latent: the same on every machine.
 *
 * A backward pass costs about two forward ones. What gradient checkpointing computes again is not counted, as it changes no number.
 * @module
 */

import type { Method } from "./method.ts";
import { learntSteps, type Options, samplesPerEpoch, trainingGuidance } from "./options.ts";

/** How far training has come. */
export interface Trained {
  /** Epochs. */
  readonly epochs: number;
  /** Images that the training reward has judged. */
  readonly rewardQueries: number;
}

/**
 * Counts the evaluations of training, those for looking at the policy left out: each denoising step of each sample that was
 * judged, twice where the base model looks at it, too; and what the method's lesson takes of each sample.
 */
export function unetEvaluations(
  { lesson }: Pick<Method, "lesson">,
  options: Options,
  { epochs, rewardQueries }: Trained,
): number {
  const { train, kl_penalty_coef } = options;
  const learnt = epochs * samplesPerEpoch(options) * train.num_inner_epochs;
  const drawn = rewardQueries - learnt * (lesson.judged?.(options) ?? 0);
  const looks = kl_penalty_coef > 0 ? 2 : 1;
  return drawn * looks * samplingEvaluations(options) + learnt * lesson.unetEvaluations(options);
}

/** Evaluations to draw one sample. */
export function samplingEvaluations({ sample }: Pick<Options, "sample">): number {
  return sample.num_steps * passes(sample.guidance_scale);
}

/** Evaluations for the gradient of some predictions of one sample: a forward pass and a backward one, of both sides of guidance. */
export function gradientEvaluations(predictions: number, options: Pick<Options, "sample" | "train">): number {
  return 3 * forwardEvaluations(predictions, options);
}

/** Evaluations for some predictions of one sample as training makes them, without a gradient. */
export function forwardEvaluations(predictions: number, options: Pick<Options, "sample" | "train">): number {
  return predictions * passes(trainingGuidance(options));
}

/** Evaluations of a lesson that goes through all steps that the policy learns from, and asks the base model where the loss says. */
export function stepEvaluations(options: Options): number {
  const steps = learntSteps(options).length;
  const asked = options.train.kl_weight > 0 ? steps : 0;
  return gradientEvaluations(steps, options) + forwardEvaluations(asked, options);
}

/** Guidance takes a prediction without the prompt, too. */
function passes(guidance: number): number {
  return guidance === 1 ? 1 : 2;
}

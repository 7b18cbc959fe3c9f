/**
 * The gradient of a reward through denoising, from the image back to noise, one step at a time.
 * @module
 */

import { pickRows } from "../core/rows.ts";
import { tensor } from "../core/tensor.ts";
import { ddimCoefs, timestepsOf } from "../diffusion/ddim.ts";
import type { DeviceArray } from "../engine/runtime.ts";
import { leapProgram, rewardGradientProgram, rewardGraphOf, stepAdjointProgram } from "./backprop_graphs.ts";
import type { Context } from "./context.ts";
import type { Learning } from "./policy_lesson.ts";
import type { Link, Stretch } from "./stretches.ts";

/** What comes of a stretch; the caller frees it. */
export interface Backpropagated {
  /** The policy's gradient, flat; the array that was given where no step has a gradient. */
  readonly policyGrad: DeviceArray;
  /** `[1]`, what the reward of the latents at the end costs. */
  readonly loss: DeviceArray;
}

/**
 * Adds a stretch's gradient to those before it.
 *
 * @param share What this stretch's gradient is multiplied by.
 */
export function backpropagate(
  { runtime, programs, rewards, conditioning, uncond }: Context,
  { policy, policyGrad }: Learning,
  { promptRows, imageShape, end, links }: Stretch,
  share: number,
): Backpropagated {
  const context = pickRows(conditioning.context, promptRows);
  const prompts = promptRows.map((row) => conditioning.prompts[row]!);
  const stepInputs = ({ x, steps }: Link) => ({
    ...{ policy, x, context, uncond },
    ...{ timestep: timestepsOf(steps), coefs: ddimCoefs(steps) },
  });
  const leapt = end === null ? programs.of(leapProgram).run(stepInputs(links[0]!)).next! : null;
  const { scores, loss, ct: last } = programs.of(rewardGradientProgram).run({
    ...rewardGraphOf(rewards.train).inputs(prompts, [prompts.length, ...imageShape]),
    x: leapt ?? end!,
    share: tensor([1], [share]),
  });
  let [ct, sum] = [last!, policyGrad];
  for (const link of links) {
    const direct = tensor([prompts.length], prompts.map(() => link.direct));
    const before = programs.of(stepAdjointProgram).run({ ...stepInputs(link), policyGrad: sum, ct, direct });
    runtime.free(sum === policyGrad ? [ct] : [ct, sum]);
    [ct, sum] = [before.ct!, before.policyGrad!];
  }
  runtime.free([ct, scores!, ...leapt === null ? [] : [leapt]]);
  return { policyGrad: sum, loss: loss! };
}

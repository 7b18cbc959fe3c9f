/**
 * The gradient of a reward through denoising, from the image back to noise, one step at a time.
 * @module
 */

import { type Shape, tensor } from "../core/tensor.ts";
import { ddimCoefs, timestepsOf } from "../diffusion/ddim.ts";
import type { DeviceArray } from "../engine/runtime.ts";
import type { RewardGraph } from "../rewards/reward.ts";
import type { Context } from "./context.ts";
import { pickRows } from "./rows.ts";
import type { Link, Stretch } from "./stretches.ts";
import type { BoundProgram } from "./weights.ts";

/** The compiled graphs that it takes. */
export interface BackpropPrograms {
  /** See `rewardGradientGraph`. */
  readonly rewardGradient: BoundProgram;
  /** See `stepAdjointGraph`. */
  readonly stepAdjoint: BoundProgram;
  /** See `leapGraph`. */
  readonly leap: BoundProgram;
}

/** What comes of a stretch; the caller frees it. */
export interface Backpropagated {
  /** The adapters' gradient, flat; the array that was given where no step has a gradient. */
  readonly policyGrad: DeviceArray;
  /** `[B]`, the reward of the latents at the end. */
  readonly scores: DeviceArray;
  /** `[1]`, what they cost. */
  readonly loss: DeviceArray;
}

/** What {@linkcode backpropagate} needs of a run. */
export interface BackpropContext extends Pick<Context, "runtime" | "conditioning" | "uncond"> {
  /** The compiled graphs. */
  readonly backprop: BackpropPrograms;
  /** The reward whose loss is differentiated. */
  readonly reward: RewardGraph;
  /** `[H, W, 3]` of one image. */
  readonly imageShape: Shape;
}

/**
 * Adds a stretch's gradient to those before it.
 *
 * @param policy The adapters, flat.
 * @param policyGrad Gradients so far, flat; it stays as it is.
 * @param share What this stretch's gradient is multiplied by.
 */
export function backpropagate(
  { runtime, conditioning, uncond, backprop, reward, imageShape }: BackpropContext,
  policy: DeviceArray,
  policyGrad: DeviceArray,
  { promptRows, end, links }: Stretch,
  share: number,
): Backpropagated {
  const context = pickRows(conditioning.context, promptRows);
  const prompts = promptRows.map((row) => conditioning.prompts[row]!);
  const stepInputs = ({ x, steps }: Link) => ({
    ...{ policy, x, context, uncond },
    ...{ timestep: timestepsOf(steps), coefs: ddimCoefs(steps) },
  });
  const leapt = end === null ? backprop.leap.run(stepInputs(links[0]!)).next! : null;
  const { scores, loss, ct: last } = backprop.rewardGradient.run({
    ...reward.inputs(prompts, [prompts.length, ...imageShape]),
    x: leapt ?? end!,
    share: tensor([1], [share]),
  });
  let [ct, sum] = [last!, policyGrad];
  for (const link of links) {
    const direct = tensor([prompts.length], prompts.map(() => link.direct));
    const before = backprop.stepAdjoint.run({ ...stepInputs(link), policyGrad: sum, ct, direct });
    runtime.free(sum === policyGrad ? [ct] : [ct, sum]);
    [ct, sum] = [before.ct!, before.policyGrad!];
  }
  runtime.free(leapt === null ? [ct] : [ct, leapt]);
  return { policyGrad: sum, scores: scores!, loss: loss! };
}

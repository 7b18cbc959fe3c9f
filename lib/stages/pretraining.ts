/**
 * The pretraining loss beside a lesson: the policy goes on denoising what the base model draws, lest it forget to.
 *
 * ReFL (Xu et al. 2023, https://arxiv.org/abs/2304.05977) has it of the images that the model was trained on. Nobody who tunes a
 * model has those; what the base model draws for the same prompts, anew in every epoch, stands for them.
 * @module
 */

import { fold, integers } from "../core/random.ts";
import { tensor } from "../core/tensor.ts";
import type { Context } from "./context.ts";
import { stepsPerUpdate } from "./options.ts";
import { type PolicyLesson, programLesson } from "./policy_lesson.ts";
import type { ProgramSpec } from "./programs.ts";
import type { Sampled, State } from "./records.ts";
import { rewardWeighted, rewardWeightedProgram } from "./reward_weighted.ts";
import { sample } from "./sample.ts";
import { initialState } from "./state.ts";
import { gradientEvaluations, samplingEvaluations } from "./unet_evaluations.ts";

/** The gradient of the pretraining loss. */
export const pretrainingProgram: ProgramSpec = {
  ...rewardWeightedProgram,
  isNeeded: ({ backprop }) => backprop.pretrain_weight > 0,
};

/**
 * The lesson with `backprop.pretrain_weight` times the denoising loss of the base model's images, of as many as the lesson goes
 * through, each at a timestep of its own; the lesson itself where that is 0. What is logged is the lesson's.
 */
export function pretrained(lesson: PolicyLesson): PolicyLesson {
  return {
    ...lesson,
    unetEvaluations: (options) => {
      const { backprop, train } = options;
      const own = lesson.unetEvaluations(options);
      if (backprop.pretrain_weight === 0) return own;
      return own + gradientEvaluations(1, options) + samplingEvaluations(options) / train.num_inner_epochs;
    },
    forEpoch: async (state, ctx) =>
      ctx.options.backprop.pretrain_weight === 0
        ? lesson
        : besideDenoising(lesson, await baseSamples(state, ctx), ctx),
  };
}

const denoising = programLesson({ ...rewardWeighted, program: pretrainingProgram });

/** As many samples of the base model as an epoch has. */
function baseSamples(state: State, { onProgress: _, ...ctx }: Context): Promise<Sampled> {
  return sample({ ...state, policy: initialState(ctx).policy, key: fold(state.key, "pretraining") }, ctx);
}

function besideDenoising(lesson: PolicyLesson, base: Sampled, { options }: Context): PolicyLesson {
  const [samples, steps] = base.logProbs.shape as readonly [number, number];
  // The program's share of an update is that of one of the steps that it adds up; this is the only one.
  const weight = options.backprop.pretrain_weight * stepsPerUpdate(options);
  const temporalRewards = tensor([samples, steps], new Float32Array(samples * steps).fill(weight));
  return {
    ...lesson,
    learn: (critiqued, micro, ctx, from, learning) => {
      const { logs, policyGrad } = lesson.learn(critiqued, micro, ctx, from, learning);
      const key = fold(from, "pretraining");
      const drawn = Array.from(integers(fold(key, "steps"), micro.rows.length, steps));
      const denoised = denoising.learn(
        { ...critiqued, ...base, temporalRewards },
        { rows: micro.rows, steps: drawn },
        ctx,
        key,
        { ...learning, policyGrad },
      );
      ctx.runtime.free([...denoised.logs, ...policyGrad === learning.policyGrad ? [] : [policyGrad]]);
      return { policyGrad: denoised.policyGrad, logs };
    },
  };
}

/**
 * DRaFT: direct reward fine-tuning.
 *
 * The reward itself is differentiated, through the last `backprop.last_steps` denoising steps; or, in the variant LV, through
 * the last step of images that are made noisy anew `backprop.renoised` times, which is cheaper and varies less.
 * @module
 */

import type { Method } from "../stages/method.ts";
import { BACKPROP_DEFAULTS, checkBackprop, checkChain } from "./backprop.ts";
import { leapProgram, rewardGradientProgram, stepAdjointProgram } from "../stages/backprop_graphs.ts";
import { critiqueReturns } from "../stages/critique.ts";
import { optimizerProgram } from "../stages/programs.ts";
import { reset } from "../stages/reset.ts";
import { chainLesson, renoisedLesson } from "../stages/reward_lessons.ts";
import { sample } from "../stages/sample.ts";
import { score } from "../stages/score.ts";
import { update } from "../stages/update.ts";

/** DRaFT-K; DRaFT-LV is {@linkcode draftLv}. */
export const draft: Method = {
  name: "draft",
  title: "Direct reward fine-tuning",
  paper: "https://arxiv.org/abs/2309.17400",
  lesson: chainLesson,
  stages: {
    sample,
    score,
    critique: critiqueReturns,
    update,
    reset,
  },
  hasCritic: false,
  programs: [rewardGradientProgram, stepAdjointProgram, optimizerProgram],
  defaults: { fixed: BACKPROP_DEFAULTS, official: BACKPROP_DEFAULTS },
  check: (options) => checkChain("draft", options),
};

const LV = { ...BACKPROP_DEFAULTS, "backprop.renoised": 2 };

/** DRaFT-LV. */
export const draftLv: Method = {
  ...draft,
  name: "draft-lv",
  title: "Direct reward fine-tuning with low variance",
  lesson: renoisedLesson,
  programs: [...draft.programs, leapProgram],
  defaults: { fixed: LV, official: LV },
  check: (options) => {
    checkBackprop("draft-lv", options);
    if (options.backprop.renoised > 0) return;
    throw new RangeError("Cannot train by draft-lv as nothing is made noisy anew: set backprop.renoised=2");
  },
};

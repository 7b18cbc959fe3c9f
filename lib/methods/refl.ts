/**
 * ReFL: reward feedback learning.
 *
 * The image is predicted at a random step near the end of the chain, from latents that are constants, and its reward
 * differentiated through that prediction, until it reaches a threshold. The official reading predicts without guidance. With
 * `backprop.pretrain_weight` the base model's images are denoised beside it, as the paper has it; the reference implementation does not.
 * @module
 */

import type { Method } from "../stages/method.ts";
import { leapProgram } from "../stages/backprop_graphs.ts";
import { pretrained, pretrainingProgram } from "../stages/pretraining.ts";
import { predictedLesson } from "../stages/reward_lessons.ts";
import { BACKPROP_DEFAULTS, checkBackprop } from "./backprop.ts";
import { draft } from "./draft.ts";

// The reference's threshold is 2 of ImageReward; 8 is as far above what base images have of mini_aesthetic.
const DEFAULTS = { ...BACKPROP_DEFAULTS, "backprop.loss": "shortfall", "backprop.target": 8 };

const lesson = pretrained(predictedLesson);

/** ReFL. */
export const refl: Method = {
  ...draft,
  name: "refl",
  title: "Reward feedback learning",
  paper: "https://arxiv.org/abs/2304.05977",
  lesson,
  programs: [...draft.programs, leapProgram, pretrainingProgram],
  defaults: { fixed: DEFAULTS, official: { ...DEFAULTS, "backprop.loss_coeff": 1e-3, "train.cfg": false } },
  check: (options) => checkBackprop("refl", options),
};

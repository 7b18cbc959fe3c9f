/**
 * DDPO: denoising diffusion policy optimisation, without a critic.
 *
 * An image's reward, compared with others of its prompt, weighs all its denoising steps alike; one update adds up all steps.
 * `ddpo` may update several times an epoch, as importance sampling corrects for it, `ddpo-sf` once, by the score function.
 * @module
 */

import { critiqueReturns } from "../stages/critique.ts";
import type { Method } from "../stages/method.ts";
import { learntSteps, type Options, samplesPerEpoch, stepsPerUpdate } from "../stages/options.ts";
import { policyGradient } from "../stages/policy_lesson.ts";
import { optimizerProgram, policyGradientProgram } from "../stages/programs.ts";
import { reset } from "../stages/reset.ts";
import { sample } from "../stages/sample.ts";
import { score } from "../stages/score.ts";
import { update } from "../stages/update.ts";

const DEFAULTS = {
  "train.timesteps_per_update": null,
  "train.adv_clip_max": 5,
  "train.gradient_accumulation_steps": 2,
  "train.learning_rate": 8e-3,
};

/** DDPO with importance sampling. */
export const ddpo: Method = {
  name: "ddpo",
  title: "Denoising diffusion policy optimisation",
  paper: "https://arxiv.org/abs/2305.13301",
  lesson: policyGradient,
  stages: { sample, score, critique: critiqueReturns, update, reset },
  hasCritic: false,
  programs: [policyGradientProgram, optimizerProgram],
  defaults: {
    fixed: {
      ...DEFAULTS,
      "per_prompt_stat_tracking.buffer_size": 16,
      "per_prompt_stat_tracking.min_count": 4,
    },
    official: {
      ...DEFAULTS,
      "per_prompt_stat_tracking.buffer_size": 32,
      "per_prompt_stat_tracking.min_count": 16,
    },
  },
  check: () => {},
};

const SCORE_FUNCTION = {
  "train.loss": "score_function",
  "train.gradient_accumulation_steps": 4,
  "train.learning_rate": 1.2e-2,
};

/** DDPO by the score function. */
export const ddpoSf: Method = {
  ...ddpo,
  name: "ddpo-sf",
  title: "Denoising diffusion policy optimisation by the score function",
  defaults: {
    fixed: { ...ddpo.defaults.fixed, ...SCORE_FUNCTION },
    official: { ...ddpo.defaults.official, ...SCORE_FUNCTION },
  },
  check: checkOnPolicy,
};

/** Refuses a second update on the same samples, for which the score function is not right. */
function checkOnPolicy(options: Options): void {
  const { train } = options;
  const perUpdate = train.batch_size * train.gradient_accumulation_steps;
  const updates = train.num_inner_epochs * (samplesPerEpoch(options) / perUpdate) *
    (learntSteps(options).length / stepsPerUpdate(options));
  if (updates === 1) return;
  throw new RangeError(
    `Cannot train by ddpo-sf as the score function allows one update an epoch: there are ${updates}; set ` +
      "train.gradient_accumulation_steps so that an update takes all samples, train.timesteps_per_update=null and " +
      "train.num_inner_epochs=1, or use method ddpo",
  );
}

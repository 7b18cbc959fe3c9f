/**
 * TDPO-R: temporal diffusion policy optimisation with resets of the critic's active neurons.
 *
 * A critic predicts at every denoising step what the image will be worth; the policy learns from what it could not foresee,
 * with an update for each step. Every few epochs the critic's active neurons begin anew, as a bias towards what came first
 * would otherwise stay.
 * @module
 */

import { critique } from "../stages/critique.ts";
import type { Method } from "../stages/method.ts";
import { policyGradient } from "../stages/policy_lesson.ts";
import { CRITIC_PROGRAMS, optimizerProgram, policyGradientProgram } from "../stages/programs.ts";
import { introduced } from "../stages/relearn.ts";
import { reset } from "../stages/reset.ts";
import { sample } from "../stages/sample.ts";
import { score } from "../stages/score.ts";
import { update } from "../stages/update.ts";

/** TDPO-R, the default. */
export const tdpoR: Method = {
  name: "tdpo-r",
  title: "TDPO with resets of the critic's active neurons",
  paper: "https://arxiv.org/abs/2402.08552",
  lesson: policyGradient,
  stages: { sample, score, critique, update, reset },
  hasCritic: true,
  programs: [...CRITIC_PROGRAMS, policyGradientProgram, optimizerProgram],
  defaults: { fixed: {}, official: {} },
  check: () => {},
  begin: introduced,
};

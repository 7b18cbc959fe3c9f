/**
 * RWR: reward-weighted regression.
 *
 * The policy learns to denoise its own images, each as often as its reward weighs; with `rwr.percentile` the best ones alone,
 * all alike. The official reading weighs rewards on their own scale, and learns at all noise levels; ours, as the other methods, at
 * those of the steps that `train.drop_last_steps` leaves.
 *
 * Images are drawn with guidance and learnt without, so that all of them, good or bad, lead the same way: to images guided more and
 * more. On the embedded model that is what the loss teaches: of 256 base samples, gradients of two halves have a cosine of 0.66,
 * and with ddpo's of the other half one of -0.06; training brings nothing or less. Ours takes the mean weight off
 * (`rwr.centred`), which cancels what all images have in common: then that cosine is 0.10, 0.29 at the noisiest step.
 * @module
 */

import { critiqueWeights } from "../stages/critique_weights.ts";
import type { Method } from "../stages/method.ts";
import { optimizerProgram } from "../stages/programs.ts";
import { rewardWeighted, rewardWeightedProgram } from "../stages/reward_weighted.ts";
import { ddpo } from "./ddpo.ts";

const DEFAULTS = {
  "train.timesteps_per_update": null,
  "train.gradient_accumulation_steps": 2,
  "train.cfg": false,
  "train.kl_form": "eps_mse",
};

/** RWR. */
export const rwr: Method = {
  ...ddpo,
  name: "rwr",
  title: "Reward-weighted regression",
  stages: { ...ddpo.stages, critique: critiqueWeights },
  lesson: rewardWeighted,
  programs: [rewardWeightedProgram, optimizerProgram],
  defaults: {
    fixed: {
      ...DEFAULTS,
      "rwr.centred": true,
      // Five times, as in the official reading, raise the default run's reward by two deviations in nine epochs, at the gold's expense.
      "train.num_inner_epochs": 2,
      "train.learning_rate": 8e-3,
      "per_prompt_stat_tracking.buffer_size": 16,
      "per_prompt_stat_tracking.min_count": 4,
    },
    official: { ...DEFAULTS, "rwr.standardised": false, "rwr.beta": 0.2, "train.num_inner_epochs": 5 },
  },
  check: ({ train, kl_penalty_coef }) => {
    if (train.kl_weight > 0 && train.kl_form !== "eps_mse") {
      throw new RangeError(
        "Cannot train by rwr as it takes no steps whose exact divergence there is: set train.kl_form=eps_mse for " +
          `train.kl_weight ${train.kl_weight}`,
      );
    }
    if (kl_penalty_coef > 0) {
      throw new RangeError(
        "Cannot train by rwr as it weighs images, not steps that could be penalised: kl_penalty_coef " +
          `${kl_penalty_coef}; set it to 0 and train.kl_weight instead`,
      );
    }
    if (train.adv_clip_max !== null) {
      throw new RangeError(
        `Cannot train by rwr as its weights are no advantages: train.adv_clip_max ${train.adv_clip_max}; set it to null, and ` +
          "lower rwr.beta for weights that differ less",
      );
    }
  },
};

/**
 * GRPO: group-relative policy optimisation.
 *
 * A prompt is drawn several times, from the same first noise or from others; what an image is better than its group weighs all
 * its steps. The official reading is Flow-GRPO's: deviations of all rewards, a divergence in the loss, a running mean
 * (of each optimizer step, not of every eighth).
 * @module
 */

import { critiqueGroups } from "../stages/critique_groups.ts";
import type { Method } from "../stages/method.ts";
import { ddpo } from "./ddpo.ts";

const DEFAULTS = {
  "sample.group_size": 8,
  "train.timesteps_per_update": null,
  "train.adv_clip_max": 5,
  "train.gradient_accumulation_steps": 2,
  "train.learning_rate": 4e-3,
};

/** GRPO. */
export const grpo: Method = {
  ...ddpo,
  name: "grpo",
  title: "Group-relative policy optimisation",
  paper: "https://arxiv.org/abs/2505.05470",
  stages: { ...ddpo.stages, critique: critiqueGroups },
  defaults: {
    fixed: DEFAULTS,
    official: {
      ...DEFAULTS,
      "train.group_std": "global",
      "train.kl_weight": 0.04,
      "train.ema_decay": 0.9,
      "train.drop_last_steps": 1,
    },
  },
  check: ({ sample }) => {
    if (sample.group_size > 1) return;
    throw new RangeError(
      `Cannot train by grpo as a group of ${sample.group_size} has no others to be compared with: raise sample.group_size`,
    );
  },
};

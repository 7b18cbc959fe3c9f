/**
 * DPOK: diffusion policy optimisation with a divergence from the base model in the loss.
 *
 * A value function of latents, prompt and timestep is taken off the reward; the policy's loss holds it near the base model.
 * Differs from the reference implementation: transitions are those of the epoch, each once, rather than draws from a buffer,
 * and what is left of rewards is normalised, so that `train.kl_weight` is relative to a weight of 1 where it has 10 or 1000.
 * @module
 */

import type { Method } from "../stages/method.ts";
import { tdpoR } from "./tdpo_r.ts";

const DEFAULTS = {
  "reset.mode": "none",
  "train.clip_range_critic": 0,
  "critic.inputs.timestep": true,
  "critic.inputs.prompt": true,
};

/** DPOK. */
export const dpok: Method = {
  ...tdpoR,
  name: "dpok",
  title: "Diffusion policy optimisation with KL regularisation",
  paper: "https://arxiv.org/abs/2305.16381",
  defaults: {
    fixed: { ...DEFAULTS, "train.kl_weight": 0.01 },
    official: {
      ...DEFAULTS,
      "train.kl_weight": 1e-3,
      "train.kl_form": "eps_mse",
      "train.loss": "clamped",
      "critic.init": "fan_in",
      "critic.activation": "relu",
      "critic.dropout": [],
    },
  },
  check: ({ reset }) => {
    if (reset.mode === "none") return;
    throw new RangeError(`Cannot train by dpok as it resets no neurons: reset.mode ${reset.mode}`);
  },
};

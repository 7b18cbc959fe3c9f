/**
 * What methods that differentiate the reward share: the options they start with, and those they cannot be run with.
 * @module
 */

import { checkGuidance } from "../stages/method.ts";
import { type Options, samplesPerEpoch } from "../stages/options.ts";

/** What methods that differentiate the reward start with. */
export const BACKPROP_DEFAULTS = {
  "rewards.train": "mini_aesthetic",
  "sample.eta": 0,
  "train.timesteps_per_update": null,
  "train.drop_last_steps": 0,
  "train.adam_epsilon": 1e-8,
};

/**
 * Refuses what the gradient through the sampled chain would be wrong for.
 *
 * @param method Its name, for the message.
 * @throws {RangeError} Naming the option.
 */
export function checkChain(method: string, options: Options): void {
  const { train, sample, backprop } = options;
  checkBackprop(method, options);
  const each = train.batch_size * train.gradient_accumulation_steps;
  const updates = train.num_inner_epochs * samplesPerEpoch(options) / each;
  if (updates !== 1) {
    throw new RangeError(
      `Cannot train by ${method} as the gradient is that of the policy that sampled, which allows one update an epoch: ` +
        `there are ${updates}; set train.gradient_accumulation_steps so that an update takes all samples, and ` +
        "train.num_inner_epochs=1",
    );
  }
  checkGuidance(method, options);
  if (backprop.renoised > 0) {
    throw new RangeError(
      `Cannot train by ${method} as nothing is made noisy anew: backprop.renoised ${backprop.renoised}; set it to 0, or ` +
        "method=draft-lv",
    );
  }
  if (backprop.truncation === "last" && backprop.last_steps > sample.num_steps) {
    throw new RangeError(
      `Cannot go back through more steps than there are: backprop.last_steps ${backprop.last_steps} of sample.num_steps ` +
        `${sample.num_steps}`,
    );
  }
}

/**
 * Refuses options that have no part in a loss of rewards alone.
 *
 * @param method Its name, for the message.
 * @throws {RangeError} Naming the option.
 */
export function checkBackprop(method: string, { train, kl_penalty_coef }: Options): void {
  const idle = { "train.kl_weight": train.kl_weight, kl_penalty_coef };
  for (const [name, value] of Object.entries(idle)) {
    if (value === 0) continue;
    throw new RangeError(
      `Cannot train by ${method} as its loss has no divergence: ${name} ${value}; set it to 0`,
    );
  }
  if (train.timestep_window !== null) {
    throw new RangeError(
      `Cannot train by ${method} as backprop chooses its steps: train.timestep_window [${train.timestep_window}]; set it to null`,
    );
  }
  if (train.shuffle_advantages) {
    throw new RangeError(`Cannot train by ${method} as it has no advantages: train.shuffle_advantages true`);
  }
}

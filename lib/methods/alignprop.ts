/**
 * AlignProp: the reward is differentiated through the whole denoising chain, from a random step on.
 *
 * The official reading draws for every step whether its prediction has a gradient, as the reference implementation does, and
 * takes the distance to the highest aesthetic score; ours draws once for the chain, as the paper has it, and takes the reward.
 * @module
 */

import type { Method } from "../stages/method.ts";
import { BACKPROP_DEFAULTS, checkChain } from "./backprop.ts";
import { draft } from "./draft.ts";

/** AlignProp. */
export const alignprop: Method = {
  ...draft,
  name: "alignprop",
  title: "Alignment by back-propagation of the reward",
  paper: "https://arxiv.org/abs/2310.03739",
  defaults: {
    fixed: { ...BACKPROP_DEFAULTS, "backprop.truncation": "trajectory" },
    official: {
      ...BACKPROP_DEFAULTS,
      "backprop.truncation": "each_step",
      "backprop.loss": "distance",
      "backprop.target": 10,
      "backprop.loss_coeff": 0.01,
      "train.max_grad_norm": 5,
      "train.adam_weight_decay": 0.1,
    },
  },
  check: (options) => checkChain("alignprop", options),
};

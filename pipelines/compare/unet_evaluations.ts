/**
 * What a run costs, counted in evaluations of the UNet on one latent: the same on every machine.
 *
 * @module
 */

import { at, numberAt, textAt, type Tree } from "../report/tree.ts";

/** A backward pass costs about two forward ones. */
const FORWARD_AND_BACKWARD = 3;

/** Methods that draw samples first and then learn from their steps. */
const METHODS: readonly string[] = ["tdpo-r", "tdpo", "ddpo", "ddpo-sf", "dpok", "grpo", "rwr"];

/**
 * Counts the evaluations of training up to an epoch, those for looking at the policy left out: each denoising step of
 * each image that was judged, and three for each step of each sample that the policy learned from, or four where the base
 * model is asked, too; twice as many with guidance. What gradient checkpointing computes again is not counted, as it changes no number.
 *
 * @param config A run's configuration.
 * @param line Its line of metrics of the epoch.
 * @returns `null` where the configuration does not tell.
 */
export function unetEvaluations(config: Tree, line: Tree): number | null {
  const number = (...path: readonly string[]) => numberAt(config, ...path) ?? NaN;
  if (!METHODS.includes(textAt(config, "method") ?? "")) return null;
  const guided = number("sample", "guidance_scale") === 1 ? 1 : 2;
  const steps = number("sample", "num_steps");
  const sampling = (numberAt(line, "reward_queries") ?? NaN) * steps * guided;
  // With a penalty the base model looks at every step, too.
  const looking = number("kl_penalty_coef") > 0 ? 2 : 1;
  const samples = number("sample", "batch_size") * number("sample", "num_batches_per_epoch");
  const [first = 0, end = steps] = windowIn(config);
  const learnt = Math.min(end, steps - number("train", "drop_last_steps")) - first;
  const each = FORWARD_AND_BACKWARD + (number("train", "kl_weight") > 0 ? 1 : 0);
  const learning = samples * number("train", "num_inner_epochs") * learnt * each *
    (at(config, "train", "cfg") === false ? 1 : guided);
  const total = sampling * looking + (numberAt(line, "epoch") ?? NaN) * learning;
  return Number.isFinite(total) ? total : null;
}

/** The steps that the policy learns from, if not all. */
function windowIn(config: Tree): readonly number[] {
  const window = at(config, "train", "timestep_window");
  return Array.isArray(window) ? window : [];
}

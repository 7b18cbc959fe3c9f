/**
 * What a run had cost at each of its epochs, counted in evaluations of the UNet.
 *
 * @module
 */

import { methodNames, methodOf } from "../../lib/methods/mod.ts";
import { unetEvaluations } from "../../lib/stages/unet_evaluations.ts";
import { checkConfig } from "../config/mod.ts";
import { numberAt, textAt, type Tree } from "../report/tree.ts";
import { UsageError } from "../usage_error.ts";

/**
 * Counts what a run's training had cost, see {@linkcode unetEvaluations}.
 *
 * @param config The run's configuration.
 * @returns From an epoch's line of metrics to the evaluations up to there; `null` where configuration or line do not tell, as of
 * a method that there is no longer.
 */
export function evaluationsOf(config: Tree): (line: Tree) => number | null {
  const name = textAt(config, "method") ?? "";
  const options = methodNames.includes(name) ? checked(config) : null;
  if (options === null) return () => null;
  return (line) => {
    const [epochs, rewardQueries] = [numberAt(line, "epoch"), numberAt(line, "reward_queries")];
    return epochs === undefined || rewardQueries === undefined
      ? null
      : unetEvaluations(methodOf(name), options, { epochs, rewardQueries });
  };
}

function checked(config: Tree): ReturnType<typeof checkConfig> | null {
  try {
    return checkConfig(config);
  } catch (error) {
    if (error instanceof UsageError) return null;
    throw error;
  }
}

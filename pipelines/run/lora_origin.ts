/**
 * What a checkpoint's adapters say of where they come from.
 *
 * @module
 */

import { basename } from "node:path";
import type { LoraOrigin } from "../../lib/io/lora_metadata.ts";
import type { State } from "../../lib/stages/records.ts";
import { trainedName } from "../../lib/stages/run_rewards.ts";
import type { RunMetrics } from "./epochs.ts";
import type { Run } from "./run.ts";

/**
 * Tells where the adapters of a state come from.
 *
 * @param metrics Those of the state's epoch.
 */
export function loraOriginOf({ ctx, origin, base }: Run, state: State, metrics: RunMetrics): LoraOrigin {
  const { rewards, evaluation } = metrics;
  return {
    base: basename(base),
    base_hash: origin.model,
    method: String(origin.config.method),
    reward: trainedName(ctx.rewards),
    epoch: state.epoch,
    step: state.policy.step,
    scores: meansOf(rewards ?? {}),
    ...evaluation && { evaluation: meansOf(evaluation.rewards) },
  };
}

function meansOf(rewards: Readonly<Record<string, { readonly mean: number }>>): Record<string, number> {
  return Object.fromEntries(Object.entries(rewards).map(([name, { mean }]) => [name, mean]));
}

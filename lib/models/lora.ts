/**
 * Adapters of a model's attention: which layers have one, and how strong they are.
 * @module
 */

import type { Value } from "../engine/graph.ts";
import { mul } from "../engine/ops/elementwise.ts";
import type { Lora } from "../nn/lora.ts";
import type { Scope } from "../nn/scope.ts";
import { count, fieldsOf, real, unsupported } from "./fields.ts";

/** Which layers are adapted and how. */
export interface LoraConfig {
  /** Rank of the update of each layer's weight. */
  readonly rank: number;
  /** What the update is multiplied by. */
  readonly scale: number;
  /** Ends of the names of the adapted layers. */
  readonly targets: readonly string[];
}

/** The projections of every attention: what the reference implementation adapts. */
export const attentionTargets: readonly string[] = ["to_q", "to_k", "to_v", "to_out.0"];

/**
 * Reads a config; `rank` is 4, `scale` 1 and `targets` all projections of the attention unless said otherwise.
 *
 * @throws {TypeError | RangeError} Naming the key and value that are wrong or not supported.
 */
export function parseLoraConfig(json: unknown): LoraConfig {
  const fields = fieldsOf("LoRA", json);
  const targets = fields.json.targets ?? attentionTargets;
  const known = Array.isArray(targets) && targets.length > 0 &&
    targets.every((target) => attentionTargets.includes(target));
  if (!known) throw unsupported(fields, "targets", targets, attentionTargets);
  return { rank: count(fields, "rank", 4), scale: real(fields, "scale", 1), targets };
}

/**
 * The adapters whose parameters a scope holds.
 *
 * @param strength Multiplies the config's scale; a value `[]` lets one program run with the adapters at any strength.
 */
export function loraOver(scope: Scope, { rank, scale, targets }: LoraConfig, strength?: Value): Lora {
  return {
    scope,
    path: "",
    rank,
    targets,
    scale: strength === undefined ? scale : scale === 1 ? strength : mul(strength, scale),
  };
}

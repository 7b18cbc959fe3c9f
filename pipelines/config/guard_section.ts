/**
 * The configuration's section on the guard, and what it cannot see with the rest of a configuration.
 *
 * @module
 */

import { z } from "zod";
import type { GuardOptions } from "../../lib/measures/guard.ts";
import { count, field, notNegative, positive, section } from "./field.ts";
import { trainedNames, type TrainSetting } from "./training_rewards.ts";

/** The section, checked. */
export interface GuardSection extends GuardOptions {
  /** What is done where training goes wrong. */
  readonly action: "rollback" | "stop" | "none";
}

/** Defaults that no default run comes near. */
const DEFAULTS: GuardSection = {
  action: "rollback",
  evaluations: 3,
  standard_errors: 1,
  mean_fall: 0.1,
  reward_fall: 0.5,
  diversity: 0.7,
  kl: null,
  gradient: 10,
};

/** The section's schema. */
export function guardSection() {
  return section({
    action: field(z.enum(["rollback", "stop", "none"]), DEFAULTS.action, {
      doc:
        "What is done where training goes wrong: rollback ends the run and makes its best checkpoint the one that other tasks take, stop ends it, none goes on",
    }),
    evaluations: field(count(1), DEFAULTS.evaluations, {
      doc: "How many evaluations in a row must find watched rewards fallen from their best",
      unit: "evaluations",
    }),
    standard_errors: field(notNegative(), DEFAULTS.standard_errors, {
      doc: "How many standard errors such a fall must exceed",
    }),
    mean_fall: field(notNegative().nullable(), DEFAULTS.mean_fall, {
      doc: "How far the mean of the watched rewards may fall from its best; null: any distance",
      unit: "base standard deviations",
    }),
    reward_fall: field(notNegative().nullable(), DEFAULTS.reward_fall, {
      doc: "How far one watched reward may fall from its best; null: any distance",
      unit: "base standard deviations",
    }),
    diversity: field(notNegative().max(1).nullable(), DEFAULTS.diversity, {
      doc: "The least diversity within prompts, as a share of the base model's; null: any",
    }),
    kl: field(positive().nullable(), DEFAULTS.kl, {
      doc: "The largest divergence from the base model (kl_to_base); null: any",
    }),
    gradient: field(z.number().gt(1).nullable(), DEFAULTS.gradient, {
      doc:
        "The largest norm of the policy's gradient for three epochs in a row, as a multiple of the median before; null: any",
    }),
  });
}

/** What of a configuration decides what the guard sees. */
export interface Guarded {
  /** The guard's own section. */
  readonly guard: GuardSection;
  /** How long training goes on. */
  readonly num_epochs: number;
  /** What is trained on and watched. */
  readonly rewards: { readonly train: TrainSetting; readonly evaluate: readonly string[] };
  /** When and what is evaluated. */
  readonly evaluate: { readonly every: number; readonly seeds: number };
  /** When the divergence is measured, too. */
  readonly images: { readonly every: number };
  /** Whether there is one. */
  readonly sample: { readonly eta: number };
}

/** A limit that is never reached, as what it limits is not measured. */
export interface BlindSpot {
  /** The field. */
  readonly name: "evaluations" | "mean_fall" | "reward_fall" | "diversity" | "kl";
  /** Why, as it is told after "as". */
  readonly why: string;
  /** Whether somebody set it: it is not the default. */
  readonly isSet: boolean;
}

/** What the guard does not see; nothing where it is off. */
export function guardBlindSpots(
  { guard, num_epochs, rewards, evaluate, images, sample }: Guarded,
): readonly BlindSpot[] {
  if (guard.action === "none") return [];
  const unevaluated = evaluate.every === 0 ? "evaluate.every is 0" : null;
  const unwatched = rewards.evaluate.every((name) => trainedNames(rewards.train).includes(name))
    ? "rewards.evaluate names no reward but what is trained on"
    : null;
  // The last epoch is evaluated whatever `every` says.
  const evaluations = Math.ceil(num_epochs / evaluate.every);
  const isTooShort = evaluations < guard.evaluations && (guard.mean_fall ?? guard.reward_fall) !== null;
  const reasons = {
    mean_fall: unevaluated ?? unwatched,
    reward_fall: unevaluated ?? unwatched,
    diversity: unevaluated ??
      (evaluate.seeds < 2 ? "evaluate.seeds is 1, and one image has no diversity" : null),
    kl: sample.eta === 0
      ? "sample.eta is 0, and steps without noise have no divergence"
      : unevaluated !== null && images.every === 0
      ? "evaluate.every and images.every are 0, and the divergence is that of their images"
      : null,
    evaluations: unevaluated ??
      (isTooShort
        ? `num_epochs ${num_epochs} and evaluate.every ${evaluate.every} make ${evaluations} only`
        : null),
  } as const;
  return (Object.keys(reasons) as (keyof typeof reasons)[]).flatMap((name) => {
    const why = reasons[name];
    return why === null || guard[name] === null ? [] : [{ name, why, isSet: guard[name] !== DEFAULTS[name] }];
  });
}

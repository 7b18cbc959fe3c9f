/**
 * What a method of training is: five stages, the programs that they run, and the values that its options start with.
 * @module
 */

import { checkDifferentiable } from "../rewards/catalogue.ts";
import type { RewardInfo } from "../rewards/reward.ts";
import { rewardGradientProgram } from "./backprop_graphs.ts";
import type { Context } from "./context.ts";
import { type Options, trainingGuidance } from "./options.ts";
import type { PolicyLesson } from "./policy_lesson.ts";
import { policyGradientProgram, type ProgramSpec } from "./programs.ts";
import type { Critiqued, Reset, Sampled, Scored, State, Updated } from "./records.ts";

/** The five stages of an epoch, each a function from a record to a bigger one. */
export interface Stages {
  /** The policy denoises, and what happens on the way is kept. */
  readonly sample: (state: State, ctx: Context) => Promise<Sampled>;
  /** What the images are worth. */
  readonly score: (sampled: Sampled, ctx: Context) => Promise<Scored>;
  /** From one reward an image to a weight for each of its steps. */
  readonly critique: (state: State, scored: Scored, ctx: Context) => Critiqued;
  /** The policy, and a critic if there is one, learn from what was sampled. */
  readonly update: (state: State, critiqued: Critiqued, ctx: Context) => Promise<Updated>;
  /** What is made anew before the next epoch. */
  readonly reset: (updated: Updated, ctx: Context) => Promise<Reset>;
}

/** Values of options by their dotted names: `{ "train.learning_rate": 1e-3 }`. */
export type Defaults = Readonly<Record<string, unknown>>;

/** A method of training. */
export interface Method {
  /** What configurations call it. */
  readonly name: string;
  /** What it is called in full. */
  readonly title: string;
  /** Where it is described. */
  readonly paper: string;
  /** How its policy learns, which its stage `update` goes by. */
  readonly lesson: PolicyLesson;
  /** Its stages. */
  readonly stages: Stages;
  /** Whether it learns a critic beside the policy. */
  readonly hasCritic: boolean;
  /** What its stages run besides `COMMON_PROGRAMS`; nothing else is compiled. */
  readonly programs: readonly ProgramSpec[];
  /** Options that start otherwise than for the default method, in its two readings: repaired, and as its reference has it. */
  readonly defaults: { readonly fixed: Defaults; readonly official: Defaults };
  /**
   * Checks options that the method cannot be run with.
   *
   * @throws {RangeError} Naming the option.
   */
  readonly check: (options: Options) => void;
  /** What comes before the first epoch, if anything does. */
  readonly begin?: (state: State, ctx: Context) => Promise<State>;
}

/**
 * Checks that a method can be run with options and a reward.
 *
 * @param reward What is known of it; `null`: nothing yet.
 * @throws {RangeError} Naming what it cannot be run with.
 */
export function checkMethod(method: Method, options: Options, reward: RewardInfo | null): void {
  method.check(options);
  if (method.programs.includes(rewardGradientProgram)) {
    const names = Object.keys(options.combination?.weights ?? {});
    if (names.length > 1) {
      throw new RangeError(
        `Cannot train by ${method.name} as it goes back through one reward: ${
          names.join(", ")
        }; set rewards.train to one`,
      );
    }
    if (reward !== null) checkDifferentiable(method.name, reward);
  }
  const weighsSteps = method.programs.includes(policyGradientProgram);
  const { sample } = options;
  if (weighsSteps) checkGuidance(method.name, options);
  if (sample.eta > 0) return;
  if (weighsSteps) {
    throw new RangeError(
      `Cannot train by ${method.name} as its loss is of probabilities, and steps without noise have none: sample.eta ` +
        `${sample.eta}; raise it, to 1 for instance`,
    );
  }
  if (options.kl_penalty_coef > 0) {
    throw new RangeError(
      `Cannot penalise the divergence from the base model as steps without noise have none: kl_penalty_coef ` +
        `${options.kl_penalty_coef} with sample.eta ${sample.eta}`,
    );
  }
}

/**
 * Checks that training predicts as sampling did, which a loss of the sampled steps needs.
 *
 * @param method Its name, for the message.
 * @throws {RangeError} Naming the option.
 */
export function checkGuidance(method: string, options: Options): void {
  const { sample, train } = options;
  if (trainingGuidance(options) === sample.guidance_scale) return;
  throw new RangeError(
    `Cannot train by ${method} as its loss is of the steps that were sampled, with guidance: train.cfg ${train.cfg} with ` +
      `sample.guidance_scale ${sample.guidance_scale}; set train.cfg=true or sample.guidance_scale=1`,
  );
}

/**
 * What may stand in an experiment's file.
 *
 * @module
 */

import { z } from "zod";
import { judgeNames } from "../load/judge_configs.ts";

const text = z.string().trim().min(1);
const names = z.array(text);
/** Fields by their dotted names, as `--set` takes them. */
const fields = z.record(z.string().regex(/^[^.=]+(\.[^.=]+)*$/, "a dotted field name"), z.unknown());
/** Becomes the name of a folder. */
const armName = z.string().regex(/^\w[\w=,.+-]*$/, "a name of letters, digits and = , . + -");

const arm = z.strictObject({
  /** Configurations over the common ones. */
  configs: names.default([]),
  /** Fields over the common ones. */
  set: fields.default({}),
});

/** An experiment as it is written. */
export const experimentSchema = z.strictObject({
  /** What is done, in a few words. */
  title: text,
  /** What it is to answer. */
  question: text,
  /** Configurations of all arms, as `train --config` takes them. */
  configs: names.default([]),
  /** Fields of all arms. */
  set: fields.default({}),
  /** What is compared, by its name. */
  arms: z.record(armName, arm.nullable()).optional(),
  /** Instead of arms: fields with their values, each combination an arm. */
  matrix: z.record(z.string(), z.array(z.unknown()).min(1)).optional(),
  /** The arm that the others are held against; default the first. */
  reference: text.optional(),
  /** The seeds that each arm is trained with. */
  seeds: z.array(z.int().min(0)).min(1),
  /** How a trained model is looked at, as `evaluate` does. */
  evaluation: z.strictObject({
    /** Lists of prompts: some that were seen in training, some that were not. */
    prompts: names.min(1).default(["simple_animals", "unseen_animals"]),
    /** Images a prompt, from seed 0 on. */
    seeds: z.int().min(1).default(4),
    /** Rewards to measure; null: all whose weights are there. */
    rewards: names.min(1).nullable().default(null),
    /** Who sees diversity. */
    judge: z.enum(judgeNames).default("clip"),
  }).prefault({}),
  /** Rewards that count as in domain; null: those that each arm is trained on. */
  in_domain: names.min(1).nullable().default(null),
  /** Rewards that count as out of domain, less those in domain of an arm; null: those that every arm measures. */
  out_of_domain: names.min(1).nullable().default(null),
});

/** An experiment's file, defaults filled in. */
export type ExperimentFile = z.output<typeof experimentSchema>;

/** Fields of the configuration by their dotted names. */
export type FieldValues = Readonly<Record<string, unknown>>;

/** How a trained model is looked at. */
export type EvaluationSettings = ExperimentFile["evaluation"];

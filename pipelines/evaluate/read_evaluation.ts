/**
 * Reads the evaluation of a run.
 *
 * @module
 */

import { join } from "node:path";
import { exists, readJson } from "../files.ts";
import { findPolicy } from "../find_policy.ts";
import { hashPolicy } from "../policy_file.ts";
import { firstDifference } from "../run/first_difference.ts";
import type { Evaluation } from "./evaluation.ts";

/** The file that `attune evaluate` leaves in a run's folder. */
export const EVALUATION_FILE = "evaluation.json";

/**
 * What `attune evaluate` found of a run.
 *
 * @param folder The run's, which has a checkpoint.
 * @returns `null` where there is none, or it is of something else: of another checkpoint than the one that now stands for the run, of
 * a part of what was trained, or of images drawn otherwise than in training.
 */
export async function readEvaluation(folder: string): Promise<Evaluation | null> {
  const path = join(folder, EVALUATION_FILE);
  if (!await exists(path)) return null;
  const { lora, sampling, ...found } = await readJson(path) as Evaluation;
  const policy = await findPolicy(folder);
  const { num_steps: steps, eta, guidance_scale: guidance } = policy.run!.config.sample;
  const there = { hash: lora?.hash, strength: lora?.strength, sampling };
  const wanted = { hash: await hashPolicy(policy), strength: 1, sampling: { steps, eta, guidance } };
  return firstDifference(there, wanted) === null ? { lora, sampling, ...found } : null;
}

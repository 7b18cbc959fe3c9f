/**
 * What makes two runs the same run, so that one can go on from the other's checkpoint.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { type Config, type RawConfig, renamedRewards, trainedNames } from "../config/mod.ts";
import type { CustomRewardFile } from "../load/custom_reward_file.ts";
import { UsageError } from "../usage_error.ts";
import { firstDifference } from "./first_difference.ts";

/** What a checkpoint belongs to: it is of use to no other run. */
export interface Origin {
  /** The program's version. */
  readonly version: string;
  /** The hash of the model's weights. */
  readonly model: string;
  /** The configuration as far as the run depends on it. */
  readonly config: RawConfig;
}

/** All prompts of a run, by what they are for. */
export interface RunPrompts {
  /** What is drawn in training. */
  readonly train: readonly string[];
  /** What is drawn for evaluation. */
  readonly evaluate: readonly string[];
  /** What is drawn beside, of which nothing is drawn in training. */
  readonly unseen: readonly string[];
  /** What is on the grid of images. */
  readonly images: readonly string[];
}

/**
 * Tells what a run's checkpoints belong to. How long the run goes on, how often it is saved, what the guard lets pass, and where
 * model, prompts and files of rewards lie may change in between; what they hold may not.
 *
 * @param model The hash of the model's weights.
 */
export function originOf(
  version: string,
  model: string,
  config: Config,
  prompts: RunPrompts,
  rewardFiles: readonly CustomRewardFile[],
): Origin {
  const { num_epochs: _epochs, save_freq: _saves, guard: _guard, model: _place, ...others } = config;
  const { rewards, evaluate, images, ...rest } = others;
  const content = (nameOrPath: string) => {
    const file = rewardFiles.find(({ path }) => path === nameOrPath);
    return file === undefined ? nameOrPath : `${file.reward.name} with the hash ${shortHash(file.sha256)}`;
  };
  // With one reward nothing depends on how several would be combined.
  const combined = renamedRewards(rewards, content);
  const { train, evaluate: watched } = combined;
  return {
    version,
    model,
    config: {
      ...rest,
      prompts: digest(prompts.train),
      rewards: trainedNames(rewards.train).length === 1 ? { train, evaluate: watched } : combined,
      evaluate: { ...evaluate, prompts: digest(prompts.evaluate), unseen: digest(prompts.unseen) },
      images: { ...images, prompts: digest(prompts.images) },
    },
  };
}

/**
 * Checks that a checkpoint belongs to a run.
 *
 * @throws {UsageError} Naming what differs.
 */
export function checkOrigin(found: Origin, expected: Origin): void {
  if (found.version !== expected.version) {
    throw new UsageError(
      `Cannot resume as the checkpoint was written by version ${found.version}: this is ${expected.version}`,
    );
  }
  if (found.model !== expected.model) {
    throw new UsageError(
      `Cannot resume as the checkpoint is of another model: its weights have the hash ${
        shortHash(found.model)
      }, ` +
        `those of the model and rewards here ${shortHash(expected.model)}`,
    );
  }
  const other = firstDifference(found.config, expected.config);
  if (other === null) return;
  const [name, theirs, ours] = other;
  throw new UsageError(
    `Cannot resume as the checkpoint is of another configuration: ${name} is ${theirs} there and ${ours} here`,
  );
}

/** The start of the SHA-256 of a list, for telling lists apart. */
function digest(texts: readonly string[]): string {
  return shortHash(createHash("sha256").update(JSON.stringify(texts)).digest("hex"));
}

/** As much of a hash as a person needs to tell it from another. */
export function shortHash(hash: string): string {
  return hash.slice(0, 12);
}

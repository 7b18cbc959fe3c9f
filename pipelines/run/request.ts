/**
 * What `attune train` is asked for: a new run, or an old one to go on with.
 *
 * @module
 */

import { type Config, readConfig, renamedRewards, trainedNames } from "../config/mod.ts";
import { lastingName, modelFolder } from "../load/model_folder.ts";
import { type CustomRewardFile, loadCustomReward } from "../load/custom_reward_file.ts";
import { fromCaller, isPath } from "../paths.ts";
import { readPrompts } from "../prompts.ts";
import { UsageError } from "../usage_error.ts";
import { type Checkpoint, readCheckpoint } from "./checkpoint.ts";
import type { RunPrompts } from "./origin.ts";
import { findRun, makeNumberedFolder, makeRunFolder, type RunFolder, RUNS } from "./run_folder.ts";

/** The options of the task. */
export interface TrainArguments {
  /** Configuration files, as {@linkcode readConfig} takes them. */
  readonly config?: readonly string[] | undefined;
  /** Single fields of it, `key=value`. */
  readonly set: readonly string[];
  /** The folder of a new run. */
  readonly out?: string | undefined;
  /** The folder of an old run. */
  readonly resume?: string | undefined;
}

/** A run that can begin, or go on. */
export interface Request {
  /** How to train. */
  readonly config: Config;
  /** All prompts, by what they are for. */
  readonly prompts: RunPrompts;
  /** Rewards from files. */
  readonly rewardFiles: readonly CustomRewardFile[];
  /** Where everything goes. */
  readonly folder: RunFolder;
  /** Where to go on from; `null`: from the beginning. */
  readonly checkpoint: Checkpoint | null;
  /** Whether the folder was made for this. */
  readonly isNew: boolean;
}

/**
 * Checks what is asked for, and makes the folder of a new run.
 *
 * @throws {UsageError} If options, configuration, prompts, rewards or folder cannot be used.
 * @throws {Error} If the folder cannot be made.
 */
export async function readRequest(options: TrainArguments): Promise<Request> {
  const { config: files = [], set, out, resume } = options;
  if (resume === undefined) {
    const config = await withFullPaths(await readConfig({ config: files, set }));
    const prompts = await promptsOf(config);
    const rewardFiles = await rewardFilesOf(config);
    await modelFolder(config.model);
    const folder = out === undefined ? await makeNumberedFolder(RUNS) : await makeRunFolder(fromCaller(out));
    return { config, prompts, rewardFiles, folder, checkpoint: null, isNew: true };
  }
  if (files.length > 0 || out !== undefined) {
    throw new UsageError(
      `Cannot use --${
        files.length === 0 ? "out" : "config"
      } as --resume goes on with a run that has its own: ` +
        "--set num_epochs=N makes it longer",
    );
  }
  const found = await findRun(fromCaller(resume));
  const config = await withFullPaths(await readConfig({ config: found.folder.config, set }));
  const prompts = await promptsOf(config);
  const rewardFiles = await rewardFilesOf(config);
  const checkpoint = found.checkpoint === null ? null : await readCheckpoint(found.checkpoint);
  return { config, prompts, rewardFiles, folder: found.folder, checkpoint, isNew: false };
}

/** The configuration with full paths, so that the run can go on from wherever it is called next. */
export async function withFullPaths(config: Config): Promise<Config> {
  const full = (nameOrPath: string) => isPath(nameOrPath) ? fromCaller(nameOrPath) : nameOrPath;
  const { model, prompts, rewards, evaluate, images } = config;
  return {
    ...config,
    model: await lastingName(model),
    prompts: full(prompts),
    rewards: renamedRewards(rewards, full),
    evaluate: {
      ...evaluate,
      prompts: full(evaluate.prompts),
      unseen: evaluate.unseen === null ? null : full(evaluate.unseen),
    },
    images: { ...images, prompts: full(images.prompts) },
  };
}

async function promptsOf({ prompts, evaluate, images }: Config): Promise<RunPrompts> {
  // In training a prompt may stand twice and weigh so much; where images are compared it counts once.
  const once = async (list: string) => [...new Set(await readPrompts(list))];
  const train = await readPrompts(prompts);
  const unseen = evaluate.unseen === null ? [] : await once(evaluate.unseen);
  return {
    train,
    evaluate: await once(evaluate.prompts),
    unseen: unseen.filter((prompt) => !train.includes(prompt)),
    images: await once(images.prompts),
  };
}

function rewardFilesOf({ rewards }: Config): Promise<readonly CustomRewardFile[]> {
  const paths = new Set([...trainedNames(rewards.train), ...rewards.evaluate].filter(isPath));
  return Promise.all([...paths].map(loadCustomReward));
}

/**
 * From a configuration to what trains: the model and rewards it names, and everything compiled for them.
 *
 * @module
 */

import type { Runtime } from "../lib/engine/runtime.ts";
import { methodOf } from "../lib/methods/mod.ts";
import { type Context, prepare } from "../lib/stages/context.ts";
import { checkConfig, type Config } from "./config/check.ts";
import { combinationOf, renamedCombination, trainedNames } from "./config/training_rewards.ts";
import type { RawConfig } from "./config/tree.ts";
import { loadOnlooker } from "./load/load_embedder.ts";
import type { ModelSource } from "./load/model_source.ts";
import { type LoadOptions, loadPipeline, type Pipeline } from "./load_pipeline.ts";
import type { ImageEmbedder } from "../lib/rewards/embedder.ts";

/** What trains, and what it was loaded from. */
export interface Training {
  /** What `train` goes by. */
  readonly ctx: Context;
  /** The model and its rewards. */
  readonly pipeline: Pipeline;
  /** Gives the memory of both back. */
  readonly free: () => Promise<void>;
}

/**
 * Loads a model and compiles what training it takes: all that comes before `train(ctx)`.
 *
 * @param folder A model in the diffusers layout, with the weights of rewards below `rewards/`.
 * @param prompts To train on.
 * @param settings Fields that are not to be left to their defaults, nested as in a configuration file:
 *   `{ method: "ddpo", train: { learning_rate: 1e-3 } }`. `model` and `prompts` are given by the other arguments instead.
 * @throws {UsageError} If a setting is wrong, or a file is missing; the message names it.
 * @throws {SyntaxError} If a file is damaged or of another model.
 * @throws {RangeError} If the adapter does not allow what the settings need.
 */
export async function openTraining(
  runtime: Runtime,
  folder: string,
  prompts: readonly string[],
  settings: RawConfig = {},
): Promise<Training> {
  const config = checkConfig(settings);
  const pipeline = await loadTraining(runtime, folder, config);
  const ctx = await prepareTraining(pipeline, config, prompts);
  return {
    ctx,
    pipeline,
    free: () => {
      ctx.free();
      return pipeline.free();
    },
  };
}

/**
 * Loads the model and rewards of a configuration.
 *
 * @param folder The model's.
 * @param source Where the folder's contents come from; default its files.
 * @throws {UsageError | SyntaxError} If a file is missing or damaged.
 */
export function loadTraining(
  runtime: Runtime,
  folder: string,
  config: Config,
  source?: ModelSource,
): Promise<Pipeline> {
  return loadPipeline(runtime, folder, {
    ...modelOptions(config),
    rewards: rewardNames(config),
    batch: config.sample.batch_size,
    ...source && { source },
  });
}

/** What a configuration wants of the model alone, without rewards. */
export function modelOptions(config: Config): LoadOptions {
  const { method, lora, critic, rewards, train, sample } = config;
  return {
    lora,
    precision: config.mixed_precision,
    ...methodOf(method).hasCritic && { critic: { config: critic, reward: trainedNames(rewards.train)[0] } },
    rematerialise: train.gradient_checkpointing,
    tiling: sample.vae_tiling,
  };
}

/**
 * Compiles everything that training needs.
 *
 * @param prompts To train on.
 * @param clock Milliseconds from some moment on; default always 0.
 * @throws {RangeError} If the options contradict one another, or the adapter does not allow what they need.
 */
export function prepareTraining(
  { runtime, models, rewards }: Pipeline,
  config: Config,
  prompts: readonly string[],
  clock: () => number = () => 0,
): Promise<Context> {
  const named = (names: readonly string[]) => names.map((name) => rewards[name]!);
  const names = trainedNames(config.rewards.train);
  const [train, ...also] = named(names);
  const evaluate = named(rewardNames(config).slice(names.length));
  const combination = names.length === 1
    ? undefined
    : renamedCombination(combinationOf(config.rewards), (name) => rewards[name]!.name);
  return prepare({
    method: methodOf(config.method),
    options: { ...config, combination },
    models,
    runtime,
    prompts,
    rewards: { train: train!, also, evaluate },
    clock,
  });
}

/**
 * Loads the image tower that diversity is seen by.
 *
 * @param folder The model's.
 * @throws {UsageError} If there is none.
 */
export function loadViewer(
  { runtime, judges, tokenizer }: Pipeline,
  folder: string,
  config: Config,
): Promise<ImageEmbedder> {
  return loadOnlooker({ runtime, judges, tokenizer, batch: config.sample.batch_size }, folder, {
    train: trainedNames(config.rewards.train),
    watched: rewardNames(config),
  });
}

/** The training rewards, then those that are watched; who watches every reward watches the training rewards too, which are no others. */
function rewardNames({ rewards: { train, evaluate } }: Config): readonly string[] {
  return [...new Set([...trainedNames(train), ...evaluate])];
}

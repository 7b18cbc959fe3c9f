/**
 * Rewards by their names, with the weights they need.
 *
 * @module
 */

import { join } from "node:path";
import type { Value } from "../lib/engine/graph.ts";
import type { Runtime } from "../lib/engine/runtime.ts";
import type { Tokenizer } from "../lib/io/tokenizer.ts";
import { analyticRewards } from "../lib/rewards/analytic.ts";
import { rewardCatalogue } from "../lib/rewards/catalogue.ts";
import { aesthetic } from "../lib/rewards/aesthetic.ts";
import { embedImages } from "../lib/rewards/dual_encoder.ts";
import {
  type DualEncoderContext,
  type Embedder,
  embedder,
  type ImageEmbedder,
  imageEmbedder,
} from "../lib/rewards/embedder.ts";
import { gold } from "../lib/rewards/gold.ts";
import { hpsv2 } from "../lib/rewards/hpsv2.ts";
import { imageReward } from "../lib/rewards/image_reward.ts";
import { miniAesthetic } from "../lib/rewards/mini_aesthetic.ts";
import { miniHps } from "../lib/rewards/mini_hps.ts";
import { miniPick } from "../lib/rewards/mini_pick.ts";
import { pickscore } from "../lib/rewards/pickscore.ts";
import { clipLConfig } from "../lib/rewards/published_configs.ts";
import type { Reward } from "../lib/rewards/reward.ts";
import { pixelTables, pixelValues } from "../lib/models/pixel_values.ts";
import { constantInit, type Scope } from "../lib/nn/scope.ts";
import type { TensorType } from "../lib/core/tensor.ts";
import { openClipDialect } from "../lib/io/open_clip_text.ts";
import type { Frozen } from "../lib/stages/models.ts";
import { judgeConfig, type JudgeName, judgeNames } from "./load/judge_configs.ts";
import type { ImageTower, Judge, Judges } from "./load/judges.ts";
import { loadCustomReward } from "./load/custom_reward_file.ts";
import { findRewardFile, type RewardFileName, rewardFiles } from "./load/reward_files.ts";
import { readConfigFile } from "./load/model_folder.ts";
import { nearest } from "./nearest.ts";
import { isPath } from "./paths.ts";
import { UsageError } from "./usage_error.ts";

/** What rewards are made from. */
export interface RewardSource {
  /** Where they run. */
  readonly runtime: Runtime;
  /** The trained ones' weights. */
  readonly judges: Judges;
  /** Reads prompts. */
  readonly tokenizer: Tokenizer;
  /** The most images that a reward looks at together; default as many as is fast. */
  readonly batch?: number | undefined;
}

/** The most images that a reward looks at together: by the embedded model's towers, and by the published ones, whose layers are wide. */
const BATCH = { small: 32, large: 4 };

/**
 * Makes rewards. Those that share a tower share its memory.
 *
 * @param names Of {@linkcode rewardCatalogue}, or paths of files that export a reward, in any order.
 * @returns The rewards by these names and paths, in that order.
 * @throws {UsageError} If a name is unknown, its weights are not there or do not fit, a file cannot be used, or two have one
 * name.
 */
export async function loadRewards(
  source: RewardSource,
  names: readonly string[],
): Promise<Readonly<Record<string, Reward>>> {
  names.forEach(checkRewardName);
  const rewards: Record<string, Reward> = {};
  for (const name of names) {
    const reward = await loadReward(source, name);
    const other = Object.keys(rewards).find((key) => key !== name && rewards[key]!.name === reward.name);
    if (other !== undefined) {
      throw new UsageError(
        `Cannot use rewards as two have the name ${reward.name}: ${other} and ${name}; export another name`,
      );
    }
    rewards[name] = reward;
  }
  return rewards;
}

/**
 * Checks that there is such a reward; a file is looked at when it is loaded.
 *
 * @throws {UsageError} If not, with the name that may be meant.
 */
export function checkRewardName(name: string): void {
  if (isPath(name) || Object.hasOwn(rewardCatalogue, name)) return;
  const names = Object.keys(rewardCatalogue);
  const meant = nearest(name, names);
  throw new UsageError(
    `Cannot use rewards as there is no such reward: ${name}; ` +
      (meant === undefined ? `there are ${names.join(", ")}` : `did you mean ${meant}?`),
  );
}

/**
 * Sorts all rewards by whether a model's folder holds their weights.
 *
 * @returns Those to be loaded, and those to do without, each with the first file that is missing, or the tokenizer.
 */
export async function availableRewards(
  folder: string,
): Promise<{ readonly available: readonly string[]; readonly missing: Readonly<Record<string, string>> }> {
  const available: string[] = [];
  const missing: Record<string, string> = {};
  for (const { name, needs } of Object.values(rewardCatalogue)) {
    const file = needs.includes("weights")
      ? await missingFile(folder, filesOf(name)) ?? await missingTokens(folder, name)
      : null;
    if (file === null) available.push(name);
    else missing[name] = file;
  }
  return { available, missing };
}

/** Whether a judge's weights are there. */
export async function hasJudge(folder: string, name: JudgeName): Promise<boolean> {
  return await missingFile(folder, [name]) === null;
}

/**
 * The tower that the critic looks through: the training reward's. Formulas have none, and stand by the one of the model's kind,
 * `clip_l` for Stable Diffusion and `clip` for the embedded model.
 *
 * @param tokenizer The model's.
 */
export function criticTower({ vocabSize }: Pick<Tokenizer, "vocabSize">, reward: string): JudgeName {
  const own = judgeOf(reward);
  return own === "clip" && vocabSize === clipLConfig.text_config.vocab_size ? "clip_l" : own;
}

/**
 * The towers that a reward looks through; formulas have none, and stand by `clip`. ImageReward has no dual encoder: `clip_l`
 * stands for it, as in the reference implementation.
 */
function judgeOf(reward: string): JudgeName {
  if (reward === "aesthetic" || reward === "imagereward") return "clip_l";
  return judgeNames.find((name) => name === reward) ?? "clip";
}

/** An image tower as the critic looks through it. */
export function towerOf({ config, weights }: ImageTower): Frozen<Value, Value> {
  return { weights, build: (scope, images) => embedImages(scope, config, prepared(scope, config, images)) };
}

/** Images as the tower wants them, by the tables that stand among its weights. */
function prepared(scope: Scope, { pixels }: ImageTower["config"], images: Value): Value {
  if (pixels === undefined) return images;
  const [, height, width] = images.shape as readonly [number, number, number];
  const { rows, columns, levels } = pixelTables(pixels, height, width);
  const table = (name: string, { shape }: TensorType) =>
    scope.at("pixels").param(name, shape, constantInit(0));
  return pixelValues(images, {
    rows: table("rows", rows),
    columns: table("columns", columns),
    levels: table("levels", levels),
  });
}

/** Both towers of a judge, ready to embed: for diversity, and for telling what an image shows. */
export async function loadEmbedder(source: RewardSource, name: JudgeName): Promise<Embedder> {
  const judge = await source.judges.encoder(name);
  return embedder(judge.config, contextOf(source, name, judge));
}

/**
 * An image tower to see diversity with: the first that is there and that the training reward does not look through, or its own
 * where there is no other. The published ones are large, and looked through only if a watched reward has loaded them.
 *
 * @param folder The model's.
 * @throws {UsageError} If not even that is there.
 */
export async function loadOnlooker(
  source: RewardSource,
  folder: string,
  { train, watched }: { readonly train: string; readonly watched: readonly string[] },
): Promise<ImageEmbedder> {
  const own = criticTower(source.tokenizer, train);
  const loaded = watched.map(judgeOf);
  let chosen = own;
  for (const name of ONLOOKERS) {
    const isThere = isPublished(name) ? loaded.includes(name) : await hasJudge(folder, name);
    if (name === own || !isThere) continue;
    chosen = name;
    break;
  }
  const { runtime, judges, batch } = source;
  const { config, weights } = await judges.tower(chosen);
  const stage = "looking for diversity";
  return await imageEmbedder(config, { runtime, weights, batchSize: batchOf(config, batch), stage });
}

/** Who sees diversity, in the order they are asked. */
const ONLOOKERS: readonly JudgeName[] = ["gold", "mini_pick", "clip_l", "pickscore", "hpsv2"];

function isPublished(name: JudgeName): boolean {
  return rewardFiles[name].repository !== undefined;
}

/** The files that a trained reward is made of. */
function filesOf(reward: string): readonly RewardFileName[] {
  switch (reward) {
    case "mini_aesthetic":
    case "aesthetic":
      return [judgeOf(reward), reward];
    case "gold":
      return ["gold", "gold_statistics"];
    case "imagereward":
      return ["imagereward", "imagereward_vocabulary"];
    default:
      return [judgeOf(reward)];
  }
}

async function missingFile(folder: string, names: readonly RewardFileName[]): Promise<string | null> {
  for (const name of names) {
    if ("places" in await findRewardFile(folder, name)) return `rewards/${rewardFiles[name].path}`;
  }
  return null;
}

/** The tokenizer that a published judge of prompts would need in the place of the model's. */
async function missingTokens(folder: string, reward: string): Promise<string | null> {
  const name = publishedReaders.find((each) => each === reward);
  if (name === undefined) return null;
  const { vocab_size } = (await judgeConfig(folder, name)).text_config;
  const vocab = await readConfigFile(
    join(folder, "tokenizer/vocab.json"),
    (json) => Object.keys(Object(json)),
  );
  return vocab.length === vocab_size ? null : `tokenizer of ${vocab_size} tokens`;
}

/** The published judges that read prompts by the model's tokenizer. */
const publishedReaders = ["pickscore", "hpsv2"] as const;

async function loadReward(source: RewardSource, name: string): Promise<Reward> {
  if (isPath(name)) return (await loadCustomReward(name)).reward;
  const { judges } = source;
  const formula = analyticRewards.find((reward) => reward.name === name);
  if (formula !== undefined) return formula;
  const { runtime } = source;
  const stage = `scoring by ${name}`;
  switch (name) {
    case "mini_aesthetic":
    case "aesthetic": {
      const { config, weights } = await judges.tower(judgeOf(name));
      const make = name === "aesthetic" ? aesthetic : miniAesthetic;
      const all = { ...weights, ...await judges.aestheticHead(name) };
      return await make({ runtime, weights: all, batchSize: batchOf(config, source.batch), stage }, config);
    }
    case "imagereward": {
      const { config, weights, tokenize } = await judges.imageReward();
      const batchSize = Math.min(source.batch ?? Infinity, BATCH.large);
      return await imageReward({ runtime, weights, batchSize, stage, tokenize }, config);
    }
  }
  const judge = await judges.encoder(judgeOf(name));
  const context = { ...contextOf(source, judgeOf(name), judge), stage };
  switch (name) {
    case "mini_pick":
      return await miniPick(context, judge.config);
    case "mini_hps":
      return await miniHps(context, judge.config);
    case "gold":
      return await gold({ ...context, statistics: await judges.goldStatistics() }, judge.config);
    case "pickscore":
      return await pickscore(context, judge.config);
    case "hpsv2":
      return await hpsv2(context, judge.config);
  }
  throw new UsageError(`Cannot use rewards as this one cannot be loaded yet: ${name}`);
}

/**
 * What a judge runs on and with. The published ones read with the model's tokenizer, which Stable Diffusion has from CLIP.
 *
 * @throws {UsageError} If it is another.
 */
function contextOf(
  { runtime, tokenizer, batch }: RewardSource,
  name: JudgeName,
  { config, weights }: Judge,
): DualEncoderContext {
  const { max_position_embeddings: length, vocab_size } = config.text_config;
  if (config.vision_config.pixels !== undefined && tokenizer.vocabSize !== vocab_size) {
    throw new UsageError(
      `Cannot use the reward as its text tower knows other tokens than the model's tokenizer: ${vocab_size} and ` +
        `${tokenizer.vocabSize}; it fits Stable Diffusion 1`,
    );
  }
  const own = name === "hpsv2" ? tokenizer.variant({ padId: 0, dialect: openClipDialect }) : tokenizer;
  return {
    runtime,
    weights,
    batchSize: batchOf(config.vision_config, batch),
    tokenize: (prompts) => own.encode(prompts, length),
  };
}

function batchOf({ pixels }: ImageTower["config"], most = Infinity): number {
  return Math.min(most, pixels === undefined ? BATCH.small : BATCH.large);
}

/**
 * The trained judges of a model, as files: dual encoders, ImageReward, and what stands beside them.
 *
 * @module
 */

import { basename, dirname } from "node:path";
import type { Runtime } from "../../lib/engine/runtime.ts";
import { makeWordPiece, type MaskedIds } from "../../lib/io/wordpiece.ts";
import { pixelTables } from "../../lib/models/pixel_values.ts";
import type { ParamSpec } from "../../lib/nn/scope.ts";
import type { DualEncoderConfig, ImageTowerConfig } from "../../lib/rewards/dual_encoder.ts";
import { type GoldStatistics, parseGoldStatistics } from "../../lib/rewards/gold.ts";
import { declareImageReward, type ImageRewardConfig } from "../../lib/rewards/image_reward.ts";
import type { Weights } from "../../lib/stages/weights.ts";
import {
  declareDualEncoder,
  declareHead,
  imageRewardConfig,
  judgeConfig,
  type JudgeName,
  towerNames,
} from "./judge_configs.ts";
import { readConfigFile } from "./model_folder.ts";
import { fileSource, type ModelSource } from "./model_source.ts";
import { type RewardFileName, rewardFiles } from "./reward_files.ts";
import type { LoadWeightsOptions } from "./weights.ts";

/** An image tower whose weights are where the runtime computes. */
export interface ImageTower {
  /** What it is. */
  readonly config: ImageTowerConfig;
  /** Its weights. */
  readonly weights: Weights;
}

/** Two towers whose weights are where the runtime computes. */
export interface Judge {
  /** What they are. */
  readonly config: DualEncoderConfig;
  /** Their weights. */
  readonly weights: Weights;
}

/** ImageReward, ready to be compiled. */
export interface ImageRewardJudge {
  /** What it is. */
  readonly config: ImageRewardConfig;
  /** Its weights. */
  readonly weights: Weights;
  /** Reads prompts. */
  readonly tokenize: (prompts: readonly string[]) => MaskedIds;
}

/** The judges of a model. Each part is read when it is first asked for, and then shared. */
export interface Judges {
  /** A dual encoder, with a `config.json` in its folder where it is not the embedded or published one. */
  readonly encoder: (name: JudgeName) => Promise<Judge>;
  /** Its image tower alone: the same arrays, and no more is read. */
  readonly tower: (name: JudgeName) => Promise<ImageTower>;
  /** Its image tower for images of a side in pixels, which it prepares by tables among its weights if it wants them prepared. */
  readonly towerFor: (name: JudgeName, side: number) => Promise<ImageTower>;
  /** The head that makes `clip` or `clip_l` an aesthetic reward. */
  readonly aestheticHead: (name: "mini_aesthetic" | "aesthetic") => Promise<Weights>;
  /** ImageReward. */
  readonly imageReward: () => Promise<ImageRewardJudge>;
  /** The moments of the gold's terms. */
  readonly goldStatistics: () => Promise<GoldStatistics>;
  /** Whether they are to round what they keep between layers to halves. */
  readonly halfActivations: boolean;
  /** The paths of the files read so far, by what they are called below the model's folder wherever they are. */
  readonly files: () => Readonly<Record<string, string>>;
  /** Gives all memory back. */
  readonly free: () => Promise<void>;
}

/** What ImageReward knows beside the words of BERT. */
const ADDED_TOKENS = ["[DEC]", "[ENC]"];

/** Tokens to a prompt of ImageReward. */
const IMAGE_REWARD_TOKENS = 35;

/**
 * The judges of a model's folder.
 *
 * @param halfActivations Whether they are to round what they keep between layers to halves.
 */
export function openJudges(
  runtime: Runtime,
  folder: string,
  source: ModelSource = fileSource,
  halfActivations = false,
): Judges {
  const files: Record<string, string> = {};
  const loaded = new Map<string, Promise<Weights>>();
  const locate = async (name: RewardFileName): Promise<string> => {
    const path = await source.rewardFile(folder, name);
    files[`rewards/${dirname(rewardFiles[name].path)}/${basename(path)}`] = path;
    return path;
  };
  const once = (key: string, make: () => Promise<Weights>): Promise<Weights> => {
    const known = loaded.get(key) ?? make();
    loaded.set(key, known);
    return known;
  };
  const load = (
    name: RewardFileName,
    specs: readonly ParamSpec[],
    part: string,
    keep: NonNullable<LoadWeightsOptions["keep"]> = () => true,
  ): Promise<Weights> =>
    once(`${name}/${part}`, async () => {
      const { read = {} } = rewardFiles[name];
      return await source.load(runtime, await locate(name), specs, { ...read, keep });
    });
  const configOf = (name: JudgeName) => judgeConfig(folder, name);
  const tower = async (name: JudgeName): Promise<ImageTower> => {
    const config = await configOf(name);
    const own = towerNames(config);
    return {
      config: config.vision_config,
      weights: await load(name, declareDualEncoder(config), "tower", (param) => own.has(param)),
    };
  };
  return {
    tower,
    encoder: async (name) => {
      const { weights } = await tower(name);
      const config = await configOf(name);
      const own = towerNames(config);
      const others = await load(name, declareDualEncoder(config), "text", (param) => !own.has(param));
      return { config, weights: { ...weights, ...others } };
    },
    towerFor: async (name, side) => {
      const { config, weights } = await tower(name);
      const { pixels } = config;
      if (pixels === undefined) return { config, weights };
      const tables = await once(`pixels/${name}/${side}`, () => {
        const { rows, columns, levels } = pixelTables(pixels, side, side);
        return Promise.resolve({
          "pixels.rows": runtime.put(rows),
          "pixels.columns": runtime.put(columns),
          "pixels.levels": runtime.put(levels),
        });
      });
      return { config, weights: { ...weights, ...tables } };
    },
    aestheticHead: async (name) => {
      const config = await configOf(name === "aesthetic" ? "clip_l" : "clip");
      return await load(name, declareHead(name, config.vision_config.projection_dim), "head");
    },
    imageReward: async () => {
      const config = await imageRewardConfig(folder);
      const words = config.text_config.vocab_size - ADDED_TOKENS.length;
      const vocab = await source.vocabulary(await locate("imagereward_vocabulary"), words);
      return {
        config,
        weights: await load("imagereward", declareImageReward(config), "all"),
        tokenize: makeWordPiece({ vocab, added: ADDED_TOKENS, maxLength: IMAGE_REWARD_TOKENS }),
      };
    },
    goldStatistics: async () => await readConfigFile(await locate("gold_statistics"), parseGoldStatistics),
    halfActivations,
    files: () => files,
    free: async () => {
      for (const weights of await Promise.allSettled(loaded.values())) {
        if (weights.status === "fulfilled") runtime.free(Object.values(weights.value));
      }
      loaded.clear();
    },
  };
}

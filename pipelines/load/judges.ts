/**
 * The trained judges of a model's folder, as files: dual encoders, and what stands beside them.
 *
 * @module
 */

import { join } from "node:path";
import type { Runtime } from "../../lib/engine/runtime.ts";
import { input } from "../../lib/engine/graph.ts";
import { declareParams, type ParamSpec } from "../../lib/nn/scope.ts";
import { aestheticHead } from "../../lib/rewards/aesthetic_head.ts";
import { type DualEncoderConfig, fit, parseDualEncoderConfig } from "../../lib/rewards/dual_encoder.ts";
import { type GoldStatistics, parseGoldStatistics } from "../../lib/rewards/gold.ts";
import {
  goldClipConfig,
  miniClipConfig,
  miniHpsConfig,
  miniPickConfig,
} from "../../lib/rewards/mini_configs.ts";
import type { Weights } from "../../lib/stages/weights.ts";
import { exists } from "../files.ts";
import { fileOf, readConfigFile } from "./model_folder.ts";
import { fileSource, type ModelSource } from "./model_source.ts";

/** A dual encoder of the folder, by the name of its folder below `rewards/`. */
export type JudgeName = typeof judgeNames[number];

/** All of them. */
export const judgeNames = ["clip", "mini_pick", "mini_hps", "gold"] as const;

/** Two towers whose weights are where the runtime computes. */
export interface Judge {
  /** What they are. */
  readonly config: DualEncoderConfig;
  /** Their weights. */
  readonly weights: Weights;
}

/** The judges of a folder. Each is read when it is first asked for, and then shared. */
export interface Judges {
  /** A dual encoder: `rewards/<name>/model.safetensors`, with a `config.json` where it is not the embedded model's. */
  readonly encoder: (name: JudgeName) => Promise<Judge>;
  /** The head that makes `clip` an aesthetic reward: `rewards/mini_aesthetic/model.safetensors`. */
  readonly aestheticHead: () => Promise<Weights>;
  /** The moments of the gold's terms: `rewards/gold/statistics.json`. */
  readonly goldStatistics: () => Promise<GoldStatistics>;
  /** The files read so far, relative to the folder. */
  readonly files: () => readonly string[];
  /** Gives all memory back. */
  readonly free: () => Promise<void>;
}

/** What a folder without `config.json` holds: the embedded model's judges. */
const CONFIGS: Readonly<Record<JudgeName, DualEncoderConfig>> = {
  clip: miniClipConfig,
  mini_pick: miniPickConfig,
  mini_hps: miniHpsConfig,
  gold: goldClipConfig,
};

/** The judges below a model's folder. */
export function openJudges(runtime: Runtime, folder: string, source: ModelSource = fileSource): Judges {
  const files: string[] = [];
  const load = async (name: string, specs: readonly ParamSpec[]) => {
    const file = await source.find(folder, `rewards/${name}/model.safetensors`);
    const weights = await source.load(runtime, join(folder, file), specs);
    files.push(file);
    return weights;
  };
  const encoders = new Map<JudgeName, Promise<Judge>>();
  const readEncoder = async (name: JudgeName): Promise<Judge> => {
    const config = await configOf(folder, name);
    return { config, weights: await load(name, declareDualEncoder(config)) };
  };
  let head: Promise<Weights> | undefined;
  const encoder = (name: JudgeName): Promise<Judge> => {
    const known = encoders.get(name) ?? readEncoder(name);
    encoders.set(name, known);
    return known;
  };
  return {
    encoder,
    aestheticHead: () =>
      head ??= encoder("clip").then(({ config }) =>
        load("mini_aesthetic", declareHead(config.vision_config.projection_dim))
      ),
    goldStatistics: async () => {
      const file = await fileOf(folder, ["rewards/gold/statistics.json"]);
      files.push(file);
      return await readConfigFile(join(folder, file), parseGoldStatistics);
    },
    files: () => files,
    free: async () => {
      const read = [...encoders.values()].map(async (judge) => (await judge).weights);
      for (const weights of await Promise.allSettled([...read, ...head ? [head] : []])) {
        if (weights.status === "fulfilled") runtime.free(Object.values(weights.value));
      }
      encoders.clear();
      head = undefined;
    },
  };
}

/** Lists the parameters of a dual encoder. */
export function declareDualEncoder(config: DualEncoderConfig): ParamSpec[] {
  const { text_config: text, vision_config: vision } = config;
  return declareParams((scope) =>
    fit(scope, config, {
      images: input("images", [1, vision.image_size, vision.image_size, 3]),
      ids: input("ids", [1, text.max_position_embeddings], "u32"),
      ends: input("ends", [1], "u32"),
    })
  );
}

/** Lists the parameters of an aesthetic head on embeddings of some width. */
export function declareHead(width: number): ParamSpec[] {
  return declareParams((scope) => aestheticHead(scope, input("embeddings", [1, width])));
}

async function configOf(folder: string, name: JudgeName): Promise<DualEncoderConfig> {
  const path = join(folder, `rewards/${name}/config.json`);
  return await exists(path) ? await readConfigFile(path, parseDualEncoderConfig) : CONFIGS[name];
}

/**
 * What the trained judges of a model are: their configs, and the parameters that their files hold.
 *
 * @module
 */

import { join } from "node:path";
import { input } from "../../lib/engine/graph.ts";
import { clipPixels } from "../../lib/models/pixel_values.ts";
import { declareParams, type ParamSpec } from "../../lib/nn/scope.ts";
import { aestheticHead } from "../../lib/rewards/aesthetic_head.ts";
import {
  type DualEncoderConfig,
  embedImages,
  fit,
  parseDualEncoderConfig,
} from "../../lib/rewards/dual_encoder.ts";
import { type ImageRewardConfig, parseImageRewardConfig } from "../../lib/rewards/image_reward.ts";
import { linearHead } from "../../lib/rewards/linear_head.ts";
import {
  goldClipConfig,
  miniClipConfig,
  miniHpsConfig,
  miniPickConfig,
} from "../../lib/rewards/mini_configs.ts";
import { clipHConfig, clipLConfig } from "../../lib/rewards/published_configs.ts";
import { exists } from "../files.ts";
import { readConfigFile } from "./model_folder.ts";

/** A dual encoder, by the name of its folder below `rewards/`. */
export type JudgeName = typeof judgeNames[number];

/** All of them. */
export const judgeNames = ["clip", "mini_pick", "mini_hps", "gold", "clip_l", "pickscore", "hpsv2"] as const;

/** What a folder without `config.json` holds: the embedded model's judges, or the published ones. */
const CONFIGS: Readonly<Record<JudgeName, DualEncoderConfig>> = {
  clip: miniClipConfig,
  mini_pick: miniPickConfig,
  mini_hps: miniHpsConfig,
  gold: goldClipConfig,
  clip_l: clipLConfig,
  pickscore: clipHConfig,
  hpsv2: clipHConfig,
};

/**
 * A judge's config: the embedded or published one, or that of a `config.json` in its folder. Published judges have images prepared
 * as CLIP's processor does, whatever their size.
 */
export async function judgeConfig(folder: string, name: JudgeName): Promise<DualEncoderConfig> {
  const standard = CONFIGS[name];
  const own = await readIfThere(folder, name, parseDualEncoderConfig);
  if (own === null || standard.vision_config.pixels === undefined) return own ?? standard;
  const { vision_config } = own;
  const pixels = { ...clipPixels, size: vision_config.image_size };
  return { ...own, vision_config: { ...vision_config, pixels } };
}

/** ImageReward's config: the published one, or that of a `config.json` in its folder. */
export async function imageRewardConfig(folder: string): Promise<ImageRewardConfig> {
  return await readIfThere(folder, "imagereward", parseImageRewardConfig) ?? parseImageRewardConfig({});
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
export function declareHead(name: "mini_aesthetic" | "aesthetic", width: number): ParamSpec[] {
  const head = name === "aesthetic" ? linearHead : aestheticHead;
  return declareParams((scope) => head(scope, input("embeddings", [1, width])));
}

/** The names of an image tower's parameters. */
export function towerNames({ vision_config: config }: DualEncoderConfig): ReadonlySet<string> {
  const images = input("images", [1, config.image_size, config.image_size, 3]);
  return new Set(declareParams((scope) => embedImages(scope, config, images)).map(({ name }) => name));
}

async function readIfThere<T>(folder: string, judge: string, parse: (json: unknown) => T): Promise<T | null> {
  const path = join(folder, `rewards/${judge}/config.json`);
  return await exists(path) ? await readConfigFile(path, parse) : null;
}

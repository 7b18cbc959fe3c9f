/**
 * The files of trained rewards: what they are called, where they are published, and where they are looked for.
 *
 * First below `rewards/` in the model's folder, then in the cache that tools for the Hugging Face hub share.
 *
 * @module
 */

import { basename, join } from "node:path";
import { openClipPieces } from "../../lib/io/open_clip_names.ts";
import { UsageError } from "../usage_error.ts";
import type { JudgeName } from "./judge_configs.ts";
import { findSnapshot, hubCache, repositoryFolder } from "./hub_cache.ts";
import { findWeights } from "./model_folder.ts";
import type { LoadWeightsOptions } from "./weights.ts";

/** A file of a trained reward. */
export interface RewardFile {
  /** Its path below `rewards/`. */
  readonly path: string;
  /** The repository on the Hugging Face hub that holds it under the same name; without one, `origin` tells where it comes from. */
  readonly repository?: string;
  /** Where it comes from, in words that end a message. */
  readonly origin: string;
  /** How it is read, if it is a file of weights. */
  readonly read?: Pick<LoadWeightsOptions, "pieces" | "within">;
}

/** What a file holds: a dual encoder, or what stands beside one. */
export type RewardFileName =
  | JudgeName
  | "mini_aesthetic"
  | "gold_statistics"
  | "aesthetic"
  | "imagereward"
  | "imagereward_vocabulary";

/** The files, by the name of what they hold. */
export const rewardFiles: Readonly<Record<RewardFileName, RewardFile>> = {
  clip: embedded("clip/model.safetensors"),
  mini_aesthetic: embedded("mini_aesthetic/model.safetensors"),
  mini_pick: embedded("mini_pick/model.safetensors"),
  mini_hps: embedded("mini_hps/model.safetensors"),
  gold: embedded("gold/model.safetensors"),
  gold_statistics: embedded("gold/statistics.json"),
  clip_l: onHub("openai/clip-vit-large-patch14", "clip_l/model.safetensors"),
  aesthetic: {
    path: "aesthetic/sac+logos+ava1-l14-linearMSE.pth",
    origin: "https://github.com/christophschuhmann/improved-aesthetic-predictor has it",
  },
  pickscore: onHub("yuvalkirstain/PickScore_v1", "pickscore/model.safetensors"),
  hpsv2: onHub("xswu/HPSv2", "hpsv2/HPS_v2_compressed.pt", {
    pieces: openClipPieces,
    within: ["state_dict"],
  }),
  // Two projections of BLIP that its reward does not read.
  imagereward: onHub("THUDM/ImageReward", "imagereward/ImageReward.pt", {
    pieces: (name) => /^blip\.(vision|text)_proj\./.test(name) ? [] : [{ name }],
  }),
  imagereward_vocabulary: onHub("google-bert/bert-base-uncased", "imagereward/vocab.txt"),
};

/**
 * Finds a file.
 *
 * @param folder The model's.
 * @returns Its path, or the places where it is not.
 */
export async function findRewardFile(
  folder: string,
  name: RewardFileName,
): Promise<{ readonly found: string } | { readonly places: readonly [string, ...string[]] }> {
  const { path, repository } = rewardFiles[name];
  const own = join(folder, "rewards", path);
  const places: [string, ...string[]] = [own];
  const near = await findWeights(join(folder, "rewards"), path);
  if (near !== null) return { found: join(folder, "rewards", near) };
  if (repository !== undefined) {
    const cached = repositoryFolder(hubCache((variable) => Deno.env.get(variable)), { id: repository });
    const snapshot = await findSnapshot(cached);
    const there = snapshot === null ? null : await findWeights(snapshot, basename(path));
    if (snapshot !== null && there !== null) return { found: join(snapshot, there) };
    places.push(join(cached, "snapshots", "*", basename(path)));
  }
  return { places };
}

/**
 * The path of a file.
 *
 * @throws {UsageError} If it is not there: which file it is, where it comes from, and where it was looked for.
 */
export async function rewardFile(folder: string, name: RewardFileName): Promise<string> {
  const result = await findRewardFile(folder, name);
  if ("found" in result) return result.found;
  const [first, ...others] = result.places;
  const { origin } = rewardFiles[name];
  throw new UsageError(
    `Cannot load ${first}: there is no such file${
      others.map((place) => `, nor ${place}`).join("")
    }; ${origin}`,
  );
}

function embedded(path: string): RewardFile {
  return { path, origin: "attune pretrain makes the embedded model's files" };
}

function onHub(repository: string, path: string, read?: RewardFile["read"]): RewardFile {
  const origin = `https://huggingface.co/${repository} has it`;
  return { path, repository, origin, ...read && { read } };
}

/**
 * A reward of one's own: a TypeScript file that exports it by default.
 *
 * @module
 */

import { basename } from "node:path";
import { pathToFileURL } from "node:url";
import { customReward } from "../../lib/rewards/custom_reward.ts";
import { rewardCatalogue } from "../../lib/rewards/catalogue.ts";
import type { Reward } from "../../lib/rewards/reward.ts";
import { whyUnread } from "../files.ts";
import { fromCaller } from "../paths.ts";
import { UsageError } from "../usage_error.ts";
import { hashFile } from "./model_folder.ts";

/** A reward, and the file it comes from. */
export interface CustomRewardFile {
  /** Its full path. */
  readonly path: string;
  /** The SHA-256 of its content, in hexadecimal. */
  readonly sha256: string;
  /** What it exports. */
  readonly reward: Reward;
}

/**
 * Loads a reward from a file; `deno` runs it with the rights of the task.
 *
 * @param path Relative to the folder that the task was called in.
 * @throws {UsageError} If there is no such file, it fails, or what it exports is no reward; the message names it.
 */
export async function loadCustomReward(path: string): Promise<CustomRewardFile> {
  const full = fromCaller(path);
  const sha256 = await hashFile(full).catch((cause) => {
    throw new UsageError(`Cannot use rewards as ${whyUnread(cause)}: ${path}`, { cause });
  });
  try {
    const { default: exported } = await import(pathToFileURL(full).href) as { readonly default?: unknown };
    const reward = customReward(exported, nameOf(full), path);
    if (!Object.hasOwn(rewardCatalogue, reward.name)) return { path: full, sha256, reward };
    throw new TypeError(
      `Cannot use ${path} as there is a reward of that name: ${reward.name}; give it another name`,
    );
  } catch (cause) {
    const { message } = cause as Error;
    throw new UsageError(
      cause instanceof TypeError && message.startsWith(`Cannot use ${path}`)
        ? message
        : `Cannot use rewards as ${path} cannot be run: ${message}`,
      { cause },
    );
  }
}

/** The file's name as a name of metrics. */
function nameOf(path: string): string {
  return basename(path).replace(/\.[^.]*$/, "").replace(/\W+/g, "_").toLowerCase();
}

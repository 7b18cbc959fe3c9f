/**
 * `manifest.json`: what a run ran on and with.
 *
 * @module
 */

import project from "../../deno.json" with { type: "json" };
import type { RunPrompts } from "./origin.ts";
import type { CustomRewardFile } from "../load/custom_reward_file.ts";
import { exists, readJson, writeAtomically } from "../files.ts";

/** The program's version. */
export const VERSION: string = project.version;

/** What a sitting ran on. */
export interface Sitting {
  /** When it began, as ISO 8601. */
  readonly started: string;
  /** Versions of the program and of what it runs in. */
  readonly versions: Readonly<Record<string, string>>;
  /** Operating system and processor. */
  readonly platform: string;
  /** The GPU's own name. */
  readonly adapter: string;
  /** Whether it is software, that is, the CPU. */
  readonly software_adapter: boolean;
}

/** What a run ran on and with. */
export interface Manifest extends Sitting {
  /** Where all random numbers come from. */
  readonly seed: number;
  /** The model: its name or folder, and the hash of its weights. */
  readonly model: { readonly name: string; readonly hash: string };
  /** All prompts, by what they are for. */
  readonly prompts: RunPrompts;
  /** The files of rewards that are not the program's own, by the rewards' names. */
  readonly reward_files: Readonly<Record<string, { readonly path: string; readonly sha256: string }>>;
  /** Later sittings, each with the epoch it went on from. */
  readonly resumed: readonly (Sitting & { readonly epoch: number })[];
}

/** Tells what this sitting runs on. */
export function sittingOn(adapter: string, isSoftware: boolean, now: Date): Sitting {
  const { deno, v8, typescript } = Deno.version;
  return {
    started: now.toISOString(),
    versions: { attune: VERSION, deno, v8, typescript },
    platform: `${Deno.build.os} ${Deno.build.arch}`,
    adapter,
    software_adapter: isSoftware,
  };
}

/** What a manifest says of files of rewards. */
export function rewardFilesIn(files: readonly CustomRewardFile[]): Manifest["reward_files"] {
  return Object.fromEntries(files.map(({ path, sha256, reward }) => [reward.name, { path, sha256 }]));
}

/** Writes the manifest of a new run, or adds a sitting to that of an old one. */
export async function writeManifest(path: string, manifest: Manifest, epoch: number): Promise<void> {
  const before = epoch > 0 && await exists(path) ? await readJson(path) as Manifest : null;
  const { started, versions, platform, adapter, software_adapter } = manifest;
  const sitting = { epoch, started, versions, platform, adapter, software_adapter };
  // Files of rewards may have moved, but are the same: those of the configuration beside it are named.
  const { reward_files } = manifest;
  const whole = before === null
    ? manifest
    : { ...before, reward_files, resumed: [...before.resumed, sitting] };
  await writeAtomically(path, `${JSON.stringify(whole, null, 2)}\n`);
}

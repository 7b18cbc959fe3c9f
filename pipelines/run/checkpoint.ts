/**
 * Checkpoints: folders that hold everything a run needs to go on, written so that there is a whole one or none.
 *
 * `state.safetensors` and `state.json` are the state; what `policy_files.ts` writes is the policy for other tools.
 *
 * @module
 */

import { join } from "node:path";
import { z } from "zod";
import type { F32 } from "../../lib/core/tensor.ts";
import { unpackParams } from "../../lib/optim/flat.ts";
import type { State } from "../../lib/stages/records.ts";
import type { Layouts } from "../../lib/stages/training_graphs.ts";
import { exists, readJson, readWeights, syncFolder, writeAtomically } from "../files.ts";
import { UsageError } from "../usage_error.ts";
import { epochName, epochOfName } from "./epoch_name.ts";
import { checkOrigin, type Origin } from "./origin.ts";
import { piecesOf, type PolicyFileOptions, writePolicy } from "./policy_files.ts";
import { type Counters, packState, type SavedState, unpackState } from "./state_file.ts";

/** A checkpoint that was found. */
export interface Checkpoint extends SavedState {
  /** What it belongs to. */
  readonly origin: Origin;
}

const TENSORS_FILE = "state.safetensors";
const STATE_FILE = "state.json";

/**
 * Writes a checkpoint below a folder: aside, flushed to disk, then moved into place.
 *
 * @param shown The policy for other tools, flat, which a state after a reset no longer has.
 * @param policy What the policy's files say.
 * @returns The checkpoint's folder.
 * @throws {Error} If it cannot be written; no half checkpoint is left.
 */
export async function saveCheckpoint(
  checkpoints: string,
  state: State,
  shown: F32,
  layouts: Layouts,
  origin: Origin,
  policy: PolicyFileOptions = {},
): Promise<string> {
  const folder = join(checkpoints, epochName(state.epoch));
  const aside = `${folder}.part`;
  const { tensors, counters } = packState(state, layouts);
  try {
    await removeIfThere(aside);
    await Deno.mkdir(aside, { recursive: true });
    await writeAtomically(join(aside, TENSORS_FILE), piecesOf(tensors));
    await writePolicy(aside, unpackParams(layouts.policy, shown), policy);
    await writeAtomically(
      join(aside, STATE_FILE),
      `${JSON.stringify({ ...counters, ...origin }, null, 2)}\n`,
    );
    await syncFolder(aside);
    await removeIfThere(folder);
    await Deno.rename(aside, folder);
    await syncFolder(checkpoints);
  } catch (cause) {
    await removeIfThere(aside).catch(() => {});
    const why = cause instanceof Error ? cause.message : String(cause);
    throw why.startsWith("Cannot ")
      ? cause
      : new Error(`Cannot write the checkpoint ${folder}: ${why}`, { cause });
  }
  return folder;
}

/**
 * Reads a checkpoint.
 *
 * @throws {UsageError} If the folder is none, or is damaged.
 */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  if (!await exists(join(folder, STATE_FILE))) {
    throw new UsageError(`Cannot resume as the folder is no checkpoint: ${folder} has no ${STATE_FILE}`);
  }
  try {
    const { version, model, config, ...counters } = parseState(await readJson(join(folder, STATE_FILE)));
    const tensors = await readWeights(join(folder, TENSORS_FILE));
    return { tensors, counters, origin: { version, model, config } };
  } catch (cause) {
    throw new UsageError(`Cannot resume as the checkpoint is damaged: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/**
 * The state of a checkpoint.
 *
 * @throws {UsageError} If the checkpoint belongs to another version, model or configuration, or is damaged.
 */
export function stateOf(checkpoint: Checkpoint, layouts: Layouts, origin: Origin): State {
  checkOrigin(checkpoint.origin, origin);
  try {
    return unpackState(checkpoint, layouts);
  } catch (cause) {
    throw new UsageError(`Cannot resume as the checkpoint is damaged: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** The checkpoints below a folder, by the epochs they were written after, in order. */
export async function listCheckpoints(checkpoints: string): Promise<readonly number[]> {
  if (!await exists(checkpoints)) return [];
  const entries = await Array.fromAsync(Deno.readDir(checkpoints));
  return entries.filter(({ name }) => !name.endsWith(".part")).map(({ name }) => epochOfName(name))
    .filter((epoch) => epoch !== null).toSorted((a, b) => a - b);
}

/**
 * Checks what is in `state.json`.
 *
 * @throws {SyntaxError} Naming the first field that is missing or wrong.
 */
function parseState(json: unknown): Counters & Origin {
  const state = stateSchema.safeParse(json);
  if (state.success) return state.data;
  const { path, message } = state.error.issues[0]!;
  throw new SyntaxError(`Cannot read ${STATE_FILE} as its ${path.join(".")} is wrong: ${message}`);
}

const count = z.int().min(0);
const byName = z.record(z.string(), z.number());
const rewardMemory = z.object({
  moments: z.record(z.string(), z.object({ count, mean: z.number(), squares: z.number().min(0) })),
  levels: byName,
  multipliers: byName,
});
const stateSchema: z.ZodType<Counters & Origin> = z.object({
  epoch: count,
  key: z.tuple([count, count]),
  steps: z.object({ policy: count, critic: count.optional() }),
  reward_queries: count,
  reward_memory: rewardMemory,
  version: z.string(),
  model: z.string(),
  config: z.record(z.string(), z.unknown()),
});

async function removeIfThere(folder: string): Promise<void> {
  if (await exists(folder)) await Deno.remove(folder, { recursive: true });
}

/**
 * Makes runs that never were, with evaluations, to be compared.
 *
 * @module
 */

import { join } from "node:path";
import { fold, key, normals } from "../../../lib/core/random.ts";
import { findPolicy } from "../../../pipelines/find_policy.ts";
import { hashPolicy } from "../../../pipelines/policy_file.ts";
import { type Made, makeRun } from "../report/made_run.ts";

/** An arm: what its gains are multiplied by, and its seeds. */
export interface MadeArm extends Pick<Made, "factor" | "config"> {
  /** A run each. */
  readonly seeds: readonly number[];
}

const REWARDS = ["mini_aesthetic", "gold", "mini_pick", "mini_hps", "colourfulness", "sharpness"];
const GAINS = [2.2, -0.8, 0.2, 0.1, 1.2, -0.7];

/**
 * Makes runs.
 *
 * @param isEvaluated Whether they have an `evaluation.json`.
 * @returns The folders of each arm's runs.
 */
export async function makeRuns(
  arms: readonly MadeArm[],
  isEvaluated: boolean,
): Promise<readonly (readonly string[])[]> {
  const folders: string[][] = [];
  for (const { seeds, factor = 1, config = {} } of arms) {
    const own: string[] = [];
    for (const seed of seeds) {
      const folder = await makeRun({ epochs: 20, every: 2, seed, factor, config });
      if (isEvaluated) {
        await Deno.writeTextFile(
          join(folder, "evaluation.json"),
          JSON.stringify({ ...evaluation(factor, seed), lora: await loraOf(folder) }),
        );
      }
      own.push(folder);
    }
    folders.push(own);
  }
  return folders;
}

/** Of what the run stands for. */
async function loraOf(folder: string) {
  const policy = await findPolicy(folder);
  return { path: policy.path, hash: await hashPolicy(policy), strength: 1 };
}

function evaluation(factor: number, seed: number) {
  const list = (name: string, seen: boolean, share: number) => {
    const noise = (what: string) => normals(fold(fold(fold(key(seed), name), what), `${factor}`), 1)[0]!;
    const prompts = seen ? ["cat", "dog"] : ["fox", "owl"];
    const rewards = REWARDS.map((reward, i) =>
      [reward, share * factor * GAINS[i]! + 0.1 * noise(reward)] as const
    );
    return {
      name,
      prompts,
      seen_in_training: seen ? prompts.length : 0,
      rewards: Object.fromEntries(
        rewards.map(([name, gain]) => [name, {
          base: { std: 2 },
          change: { mean: 2 * gain, standard_error: 0.1, in_base_std: gain },
        }]),
      ),
      diversity_ratio: { within: 1 - 0.2 * factor + 0.03 * noise("diversity"), between: 1, vendi: 1 },
      base: { recognition: { accuracy: 0.9 } },
      adapted: { recognition: { accuracy: 0.8 + 0.02 * noise("recognition") } },
      fidelity: { kid: 0.01 * factor, cmmd: 0.2 * factor, precision: 0.8, recall: 0.7 - 0.1 * factor },
    };
  };
  return {
    seeds: [0, 1],
    rewards: null,
    judge: "clip",
    sampling: { steps: 8, eta: 1, guidance: 3 },
    lists: [list("simple_animals", true, 1), list("unseen_animals", false, 0.7)],
  };
}

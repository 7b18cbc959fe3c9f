/**
 * Judges that look without scoring.
 *
 * @module
 */

import { type Embedder, embedder, type ImageEmbedder, imageEmbedder } from "../../lib/rewards/embedder.ts";
import { hasJudge } from "./available_rewards.ts";
import { criticTower, judgeOf } from "./critic_tower.ts";
import { batchOf, contextOf, type RewardSource } from "./judge_context.ts";
import type { JudgeName } from "./judge_configs.ts";
import { rewardFiles } from "./reward_files.ts";

/** Both towers of a judge, ready to embed: for diversity, and for telling what an image shows. */
export async function loadEmbedder(source: RewardSource, name: JudgeName): Promise<Embedder> {
  const judge = await source.judges.encoder(name);
  return embedder(judge.config, contextOf(source, name, judge));
}

/**
 * An image tower to see diversity with: the first that is there and that no training reward looks through, or the first's own
 * where there is no other. The published ones are large, and looked through only if a watched reward has loaded them.
 *
 * @param folder The model's.
 * @throws {UsageError} If not even that is there.
 */
export async function loadOnlooker(
  source: RewardSource,
  folder: string,
  { train, watched }: {
    readonly train: readonly [string, ...string[]];
    readonly watched: readonly string[];
  },
): Promise<ImageEmbedder> {
  const own = train.map((name) => criticTower(source.tokenizer, name));
  const loaded = watched.map(judgeOf);
  let chosen = own[0]!;
  for (const name of ONLOOKERS) {
    const isThere = isPublished(name) ? loaded.includes(name) : await hasJudge(folder, name);
    if (own.includes(name) || !isThere) continue;
    chosen = name;
    break;
  }
  const { runtime, judges, batch } = source;
  const { config, weights } = await judges.tower(chosen);
  const stage = "looking for diversity";
  const { halfActivations } = judges;
  return await imageEmbedder(config, {
    runtime,
    weights,
    batchSize: batchOf(config, batch),
    halfActivations,
    stage,
  });
}

/** Who sees diversity, in the order they are asked. */
const ONLOOKERS: readonly JudgeName[] = ["gold", "mini_pick", "clip_l", "pickscore", "hpsv2"];

function isPublished(name: JudgeName): boolean {
  return rewardFiles[name].repository !== undefined;
}

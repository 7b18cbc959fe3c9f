/**
 * An evaluation: lists of prompts drawn by the base model and, where there are adapters, with them from the same seeds.
 *
 * @module
 */

import { relative } from "node:path";
import type { Runtime } from "../../lib/engine/runtime.ts";
import { type Gap, seenGap } from "../../lib/measures/cross_reward.ts";
import type { Precision } from "../load/precision.ts";
import { availableRewards, hasJudge } from "../load/available_rewards.ts";
import type { JudgeName } from "../load/judge_configs.ts";
import { loadEmbedder } from "../load/load_embedder.ts";
import { loadPipeline } from "../load_pipeline.ts";
import { fromCaller, isPath } from "../paths.ts";
import { loraFor, paramsFor, type PolicyFile } from "../policy_file.ts";
import { longPromptNotes, readPrompts } from "../prompts.ts";
import { type Adapted, drawAll, makeSampler, type SamplerOptions } from "../sampler.ts";
import { VERSION } from "../run/manifest.ts";
import { compare, type Comparison, type Domain } from "./compare.ts";
import { keptImages } from "./kept_images.ts";
import { measure, type Measured, type Measures } from "./measure.ts";

/** What to evaluate, and how. */
export interface EvaluationRequest {
  /** The model: a name, or a folder. */
  readonly model: string;
  /** What was trained, to compare with the base model; `null`: nothing. */
  readonly policy: PolicyFile | null;
  /** How much of that. */
  readonly strength: number;
  /** Lists of prompts by the names they were asked for with. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
  /** The prompts that the adapters were trained on; `null` if unknown. */
  readonly trained: readonly string[] | null;
  /** An image of each prompt for each of these. */
  readonly seeds: readonly number[];
  /** Rewards to measure; `null`: all whose weights are there, and those of `runRewards`. */
  readonly rewards: readonly string[] | null;
  /** The rewards of the adapters' run, names or files; `null` if unknown. */
  readonly runRewards: Domain | null;
  /** Who sees diversity and what images show. */
  readonly judge: JudgeName;
  /** How images are drawn. */
  readonly sampling: SamplerOptions;
  /** How the models lie in memory. */
  readonly precision: Precision;
  /** A folder that keeps the base model's images from one evaluation to the next; `null`: they are drawn anew. */
  readonly baseImages: string | null;
}

/** All that was found. */
export interface Evaluation {
  /** The model as it was asked for. */
  readonly model: string;
  /** The hash of its weights. */
  readonly model_hash: string;
  /** What was trained, adapters or a whole UNet; `null`: nothing. */
  readonly lora: { readonly path: string; readonly hash: string; readonly strength: number } | null;
  /** How images were drawn. */
  readonly sampling: { readonly steps: number; readonly eta: number; readonly guidance: number };
  /** Of each prompt's images. */
  readonly seeds: readonly number[];
  /** The rewards that were asked for; `null`: all whose weights are there. */
  readonly rewards: readonly string[] | null;
  /** Who saw diversity and what images show; `null`: nobody. */
  readonly judge: JudgeName | null;
  /** List by list. */
  readonly lists: readonly ListResult[];
  /** Rewards and judges that could not be loaded, each with the file that is missing. */
  readonly left_out: Readonly<Record<string, string>>;
}

/** What was found of one list. */
export interface ListResult extends Comparison {
  /** The list's name. */
  readonly name: string;
  /** Its prompts. */
  readonly prompts: readonly string[];
  /** What a person should know of them: those that are read in part only. */
  readonly notes: readonly string[];
  /** How many of them the adapters were trained on; `null` if unknown or there are none. */
  readonly seen_in_training: number | null;
  /**
   * How much more the trained reward, of several the first, gained on the first list that was seen in training than on this one, of which none was
   * seen, in base standard deviations of the former; `null` for other lists.
   */
  readonly seen_gap: Gap | null;
}

/**
 * Evaluates.
 *
 * @param folder The model's folder.
 * @param onProgress Told of the images drawn so far and in all.
 */
export async function evaluate(
  runtime: Runtime,
  folder: string,
  request: EvaluationRequest,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Evaluation> {
  const { policy, strength, lists, trained, seeds, sampling, judge: judgeName } = request;
  const { available, missing } = await availableRewards(folder);
  const { runRewards } = request;
  const ofRun = runRewards === null ? [] : [...runRewards.trained, ...runRewards.watched];
  const names = request.rewards ?? [...available, ...new Set(ofRun.filter(isPath))];
  const isJudged = await hasJudge(folder, judgeName);
  const pipeline = await loadPipeline(runtime, folder, {
    rewards: names,
    precision: request.precision,
    ...policy && { lora: loraFor(policy) },
  });
  const { models, rewards, hash } = pipeline;
  const judge = isJudged ? await loadEmbedder(pipeline, judgeName) : null;
  const sampler = await makeSampler(runtime, models, sampling);
  const logged = (setting: string) => rewards[setting]?.name ?? setting;
  const domain = runRewards &&
    { trained: runRewards.trained.map(logged), watched: runRewards.watched.map(logged) };
  const adapted = policy && { params: await paramsFor(policy, models.policy.specs), strength };

  const every = Object.values(lists).reduce((sum, prompts) => sum + prompts.length, 0);
  const total = every * seeds.length * (adapted ? 2 : 1);
  let done = 0;
  const results: Omit<ListResult, "seen_gap">[] = [];
  for (const [name, prompts] of Object.entries(lists)) {
    const measures = { rewards: Object.values(rewards), judge, ...await choicesFor(prompts) };
    // All seeds of a prompt in a row.
    const wishes = prompts.flatMap((prompt) => seeds.map((seed) => ({ prompt, seed })));
    const look = async (drawn: Adapted | null): Promise<Measured> => {
      const start = done;
      const draw = () => drawAll(sampler.draw(wishes, drawn), (n) => onProgress(start + n, total));
      const { batch_size: _batch, ...how } = sampling;
      const what = {
        VERSION,
        hash,
        rank: policy ? loraFor(policy)?.rank ?? null : undefined,
        precision: request.precision,
        how,
        wishes,
      };
      const images = drawn === null ? await keptImages(request.baseImages, what, draw) : await draw();
      onProgress(done = start + wishes.length, total);
      return await measure(images, wishes.map(({ prompt }) => prompt), measures);
    };
    const base = await look(null);
    results.push({
      name,
      prompts,
      notes: longPromptNotes(prompts, pipeline.tokenizer),
      seen_in_training: adapted && trained && prompts.filter((prompt) => trained.includes(prompt)).length,
      ...compare(base, adapted && await look(adapted), domain),
    });
  }
  sampler.free();
  await pipeline.free();
  const { num_steps: steps, eta, guidance_scale: guidance } = sampling;
  return {
    model: request.model,
    model_hash: hash,
    lora: policy && { path: relative(fromCaller("."), policy.path), hash: policy.hash, strength },
    sampling: { steps, eta, guidance },
    seeds,
    rewards: request.rewards,
    judge: isJudged ? judgeName : null,
    lists: withGaps(results, domain),
    left_out: {
      ...request.rewards === null ? missing : {},
      ...isJudged ? {} : { "what a judge sees": `rewards/${judgeName}/model.safetensors` },
    },
  };
}

/** What an image of the list is told apart from: the 45 animals where it asks for some of them, else the list itself. */
async function choicesFor(prompts: readonly string[]): Promise<Pick<Measures, "choices" | "what">> {
  const animals = await readPrompts("simple_animals");
  const areAnimals = prompts.every((prompt) => animals.includes(prompt));
  return areAnimals ? { choices: animals, what: "animal" } : { choices: prompts, what: "prompt" };
}

/** Sets lists of which nothing was seen in training against the first that was seen whole. */
function withGaps(lists: readonly Omit<ListResult, "seen_gap">[], domain: Domain | null): ListResult[] {
  const [name = ""] = domain?.trained ?? [];
  const trainedIn = (list: typeof lists[number] | undefined) => list?.rewards[name];
  const seen = trainedIn(lists.find(({ prompts, seen_in_training: count }) => count === prompts.length));
  return lists.map((list) => {
    const change = list.seen_in_training === 0 ? trainedIn(list)?.change : null;
    return { ...list, seen_gap: seen?.change && change ? seenGap(seen.change, change, seen.base.std) : null };
  });
}

/**
 * An evaluation: lists of prompts drawn by the base model and, where there are adapters, with them from the same seeds.
 *
 * @module
 */

import { relative } from "node:path";
import type { Runtime } from "../../lib/engine/runtime.ts";
import { rewardCatalogue } from "../../lib/rewards/catalogue.ts";
import { type OfficialScale, officialScore } from "../../lib/rewards/reward.ts";
import { type AdapterFile, adaptersFor } from "../adapters.ts";
import type { JudgeName } from "../load/judge_configs.ts";
import { loadPipeline } from "../load_pipeline.ts";
import { availableRewards, hasJudge, loadEmbedder } from "../load_rewards.ts";
import { fromCaller } from "../paths.ts";
import { readPrompts } from "../prompts.ts";
import { type Adapted, drawAll, makeSampler, type Sampler, type SamplerOptions } from "../sampler.ts";
import {
  type Change,
  changeOf,
  type Estimate,
  estimate,
  measure,
  type Measured,
  type Measures,
} from "./compare.ts";

/** What to evaluate, and how. */
export interface EvaluationRequest {
  /** The model: a name, or a folder. */
  readonly model: string;
  /** Adapters to compare with the base model, if there are any. */
  readonly lora: AdapterFile | null;
  /** How much of them. */
  readonly strength: number;
  /** Lists of prompts by the names they were asked for with. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
  /** The prompts that the adapters were trained on; `null` if unknown. */
  readonly trained: readonly string[] | null;
  /** An image of each prompt for each of these. */
  readonly seeds: readonly number[];
  /** Rewards to measure; `null`: all whose weights are there, and those of `rewardFiles`. */
  readonly rewards: readonly string[] | null;
  /** The files of rewards that the adapters' run has. */
  readonly rewardFiles: readonly string[];
  /** Who sees diversity and what images show. */
  readonly judge: JudgeName;
  /** How images are drawn. */
  readonly sampling: SamplerOptions;
}

/** All that was found. */
export interface Evaluation {
  /** The model as it was asked for. */
  readonly model: string;
  /** The hash of its weights. */
  readonly model_hash: string;
  /** The adapters, if there are any. */
  readonly lora: { readonly path: string; readonly hash: string; readonly strength: number } | null;
  /** How images were drawn. */
  readonly sampling: { readonly steps: number; readonly eta: number; readonly guidance: number };
  /** Of each prompt's images. */
  readonly seeds: readonly number[];
  /** Who saw diversity and what images show; `null`: nobody. */
  readonly judge: JudgeName | null;
  /** List by list. */
  readonly lists: readonly ListResult[];
  /** Rewards and judges that could not be loaded, each with the file that is missing. */
  readonly left_out: Readonly<Record<string, string>>;
}

/** What was found of one list. */
export interface ListResult {
  /** The list's name. */
  readonly name: string;
  /** Its prompts. */
  readonly prompts: readonly string[];
  /** How many of them the adapters were trained on; `null` if unknown or there are none. */
  readonly seen_in_training: number | null;
  /** Each reward. */
  readonly rewards: Readonly<
    Record<
      string,
      {
        readonly base: Estimate;
        readonly adapted: Estimate | null;
        readonly change: Change | null;
        /** The same on the scale that the reward's authors report, where it is another. */
        readonly official?: {
          readonly unit: string;
          readonly base: Estimate;
          readonly adapted: Estimate | null;
        };
      }
    >
  >;
  /** What the judge saw in the base model's images. */
  readonly base: Seen;
  /** What it saw in those with adapters. */
  readonly adapted: Seen | null;
}

/** What a judge saw. */
export type Seen = Pick<Measured, "diversity" | "recognition">;

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
  const { lora, strength, lists, trained, seeds, sampling, judge: judgeName } = request;
  const { available, missing } = await availableRewards(folder);
  const names = request.rewards ?? [...available, ...new Set(request.rewardFiles)];
  const isJudged = await hasJudge(folder, judgeName);
  const pipeline = await loadPipeline(runtime, folder, {
    rewards: names,
    ...lora && { lora: { rank: lora.rank } },
  });
  const { models, rewards, hash } = pipeline;
  const judge = isJudged ? await loadEmbedder(pipeline, judgeName) : null;
  const sampler = await makeSampler(runtime, models, sampling);
  const adapted = lora && { adapters: adaptersFor(lora, models.policy.specs), strength };

  const every = Object.values(lists).reduce((sum, prompts) => sum + prompts.length, 0);
  const total = every * seeds.length * (adapted ? 2 : 1);
  let done = 0;
  const results: ListResult[] = [];
  for (const [name, prompts] of Object.entries(lists)) {
    const measures = { rewards: Object.values(rewards), judge, ...await choicesFor(prompts) };
    const look = async (policy: Adapted | null): Promise<Measured> => {
      const start = done;
      return await drawAndMeasure(sampler, prompts, seeds, policy, measures, (images) => {
        onProgress(done = start + images, total);
      });
    };
    const base = await look(null);
    results.push(compared(name, prompts, adapted && trained, base, adapted && await look(adapted)));
  }
  sampler.free();
  await pipeline.free();
  const { num_steps: steps, eta, guidance_scale: guidance } = sampling;
  return {
    model: request.model,
    model_hash: hash,
    lora: lora && { path: relative(fromCaller("."), lora.path), hash: lora.hash, strength },
    sampling: { steps, eta, guidance },
    seeds,
    judge: isJudged ? judgeName : null,
    lists: results,
    left_out: {
      ...request.rewards === null ? missing : {},
      ...isJudged ? {} : { "what a judge sees": `rewards/${judgeName}/model.safetensors` },
    },
  };
}

/** All seeds of a prompt in a row. */
async function drawAndMeasure(
  sampler: Sampler,
  prompts: readonly string[],
  seeds: readonly number[],
  adapted: Adapted | null,
  measures: Measures,
  onProgress: (images: number) => void,
): Promise<Measured> {
  const wishes = prompts.flatMap((prompt) => seeds.map((seed) => ({ prompt, seed })));
  const images = await drawAll(sampler.draw(wishes, adapted), onProgress);
  return measure(images, wishes.map(({ prompt }) => prompt), measures);
}

/** What an image of the list is told apart from: the 45 animals where it asks for some of them, else the list itself. */
async function choicesFor(prompts: readonly string[]): Promise<Pick<Measures, "choices" | "what">> {
  const animals = await readPrompts("simple_animals");
  const areAnimals = prompts.every((prompt) => animals.includes(prompt));
  return areAnimals ? { choices: animals, what: "animal" } : { choices: prompts, what: "prompt" };
}

function onScale(scale: OfficialScale, { mean, std, standard_error }: Estimate): Estimate {
  return {
    mean: officialScore(scale, mean),
    std: scale.factor * std,
    standard_error: standard_error === null ? null : scale.factor * standard_error,
  };
}

function compared(
  name: string,
  prompts: readonly string[],
  trained: readonly string[] | null,
  base: Measured,
  adapted: Measured | null,
): ListResult {
  const rewards = Object.entries(base.scores).map(([reward, scores]) => {
    const other = adapted?.scores[reward];
    const own = { base: estimate(scores), adapted: other === undefined ? null : estimate(other) };
    const scale = rewardCatalogue[reward]?.official;
    const official = scale && {
      unit: scale.unit,
      base: onScale(scale, own.base),
      adapted: own.adapted && onScale(scale, own.adapted),
    };
    const change = other === undefined ? null : changeOf(other, scores);
    return [reward, { ...own, change, ...official && { official } }] as const;
  });
  const seen = ({ diversity, recognition }: Measured): Seen => ({ diversity, recognition });
  return {
    name,
    prompts,
    seen_in_training: trained && prompts.filter((prompt) => trained.includes(prompt)).length,
    rewards: Object.fromEntries(rewards),
    base: seen(base),
    adapted: adapted && seen(adapted),
  };
}

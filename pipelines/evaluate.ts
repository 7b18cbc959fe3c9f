/**
 * `attune evaluate`: scores a model, and a run or adapters against it, on fixed prompts and seeds.
 *
 * @module
 */

import { dirname, join, relative } from "node:path";
import type { Runtime } from "../lib/engine/runtime.ts";
import { numberOption, readArguments, SAMPLING_OPTIONS, samplingFrom } from "./arguments.ts";
import { type Config, readConfig, trainedNames } from "./config/mod.ts";
import { evaluate, type EvaluationRequest } from "./evaluate/evaluation.ts";
import { EVALUATION_FILE } from "./evaluate/read_evaluation.ts";
import { showEvaluation } from "./evaluate/show.ts";
import { makeFolder, writeAtomically } from "./files.ts";
import { checkRewardName } from "./load/check_reward_name.ts";
import { type JudgeName, judgeNames } from "./load/judge_configs.ts";
import { modelFolder } from "./load/model_folder.ts";
import { precisionOption } from "./load/precision.ts";
import { openRuntime } from "./open_runtime.ts";
import { fromCaller } from "./paths.ts";
import { readPolicyFile } from "./policy_file.ts";
import { readPrompts } from "./prompts.ts";
import { type Screen, screenOn, systemTerminal } from "./run/screen.ts";
import { parseSeeds } from "./seeds.ts";
import { UsageError } from "./usage_error.ts";

const HELP =
  `Scores a model with every reward on fixed prompts and seeds; a run or adapters are compared with their base.

Usage: attune evaluate [PATH] [options]

  PATH             a run's folder, a checkpoint's, or a file of adapters or of a UNet; without it, the base model alone
  --prompts LIST   an embedded list, or a file with a prompt a line; as often as you like
                   (a run's own and unseen_animals; without a run, simple_animals)
  --seeds LIST     an image of each prompt for each: 7, 0-7 or 1,4,10-12  (0-7)
  --rewards LIST   names or files, with commas between them (all whose weights are there, and the run's own files)
  --judge NAME     who sees diversity and what images show: ${judgeNames.join(", ")}  (clip)
  --strength X     how much of what was trained                           (1)
  --model NAME     an embedded model, a folder in the diffusers layout, or
                   a downloaded owner/name@revision                       (the run's, or mini)
  --steps N        denoising steps                                        (the run's, or 8)
  --guidance X     classifier-free guidance; 1: none                      (the run's, or 3)
  --eta X          noise of a step                                        (the run's, or 1)
  --batch N        images drawn together; they do not depend on it        (16)
  --precision NAME how models lie in memory: stored, f32, f16_weights, f16  (the run's, or stored)
  --base DIR       a folder that keeps the base model's images for the evaluations of other runs
  --out FILE       where the numbers go as JSON   (evaluation.json in the run's folder, or in runs/)
  --help           print this

Means stand with their standard errors, clustered by prompt. A change is over pairs of the same prompt and seed. In the judge's eyes, diversity
is the mean distance 1 - cos of images, different images are their Vendi score, and KID, CMMD, precision and recall tell how
far the adapted images are from the base's. A run's trained reward is in domain, those it watched are out of domain, in base
standard deviations; the net gain is the first, less 2 for each that the worst of the others lost, less 5 for each of the
diversity within a prompt that is lost beyond a tenth.
`;

/** An evaluation, and where it goes. */
export interface EvaluationTask extends EvaluationRequest {
  /** The JSON file. */
  readonly out: string;
}

/**
 * Runs the task.
 *
 * @param args Its arguments, without the name of the task.
 * @returns The exit code.
 */
export async function run(args: readonly string[]): Promise<number> {
  const task = await readTask(args);
  if (task === null) {
    console.log(HELP.trimEnd());
    return 0;
  }
  await runTask(task, openRuntime, screenOn(systemTerminal()));
  return 0;
}

/**
 * Evaluates, shows what was found, and writes it down.
 *
 * @param open Opens what it computes on, and keeps what compiling found out.
 */
export async function runTask(
  task: EvaluationTask,
  open: () => Promise<{ readonly runtime: Runtime; readonly saveTiles: () => Promise<void> }>,
  screen: Screen,
): Promise<void> {
  const folder = await modelFolder(task.model);
  await makePlace(task.out);
  const { runtime, saveTiles } = await open();
  screen.progress(0, "loading");
  const evaluation = await evaluate(runtime, folder, task, (done, total) => {
    screen.progress(done / total, `${done} of ${total} images`);
  });
  screen.clear();
  await saveTiles();
  showEvaluation(evaluation).forEach(screen.line);
  await writeAtomically(task.out, `${JSON.stringify(evaluation, null, 2)}\n`);
  screen.line(`\nNumbers: ${relative(fromCaller("."), task.out)}`);
}

/** Makes the folder of a file before the work begins whose fruit it is. */
async function makePlace(file: string): Promise<void> {
  if ((await Deno.stat(file).catch(() => null))?.isDirectory) {
    throw new UsageError(`Cannot write the numbers as --out is a folder: ${file}`);
  }
  await makeFolder(dirname(file));
}

/**
 * Reads the task's arguments.
 *
 * @returns `null` if help is asked for.
 * @throws {UsageError} If an argument is wrong, or a list of prompts is unknown or empty.
 */
export async function readTask(args: readonly string[]): Promise<EvaluationTask | null> {
  const options = readArguments(args, {
    text: ["seeds", "judge", "strength", "model", "precision", "base", "out", ...SAMPLING_OPTIONS],
    lists: ["prompts", "rewards"],
    words: 1,
  });
  if (options.help) return null;
  const [path] = options.words;
  const policy = path === undefined ? null : await readPolicyFile(path);
  if (options.strength !== undefined && policy === null) {
    throw new UsageError(`Cannot use --strength ${options.strength} as there are no adapters: see --help`);
  }
  const config = policy?.run?.config ?? await readConfig({});
  const trained = policy?.run ? config.prompts : null;
  const names = options.prompts.length > 0 ? options.prompts : defaultLists(trained, policy !== null);
  const lists: Record<string, readonly string[]> = {};
  for (const name of names) lists[name] = [...new Set(await readPrompts(name))];
  const seeds = parseSeeds(options.seeds ?? "0-7");
  const rewards = options.rewards.flatMap((list) => list.split(",")).map((name) => name.trim());
  rewards.forEach(checkRewardName);
  const images = Math.max(...Object.values(lists).map((prompts) => prompts.length)) * seeds.length;
  return {
    model: options.model ?? config.model,
    policy,
    strength: numberOption("strength", options.strength ?? "1", [-100, 100]),
    lists,
    trained: trained === null ? null : await readPrompts(trained),
    seeds,
    rewards: rewards.length > 0 ? rewards : null,
    runRewards: policy?.run ? runRewards(config.rewards) : null,
    judge: judgeNamed(options.judge ?? "clip"),
    sampling: samplingFrom(options, config.sample, images),
    precision: precisionOption(options.precision, config.mixed_precision),
    baseImages: options.base === undefined ? null : fromCaller(options.base),
    out: options.out === undefined
      ? join(policy?.run?.path ?? fromCaller("runs"), EVALUATION_FILE)
      : fromCaller(options.out),
  };
}

/** Prompts of training and others; simple animals where nothing is known of training. */
function defaultLists(trained: string | null, isTrained: boolean): readonly string[] {
  const seen = trained ?? "simple_animals";
  return isTrained ? [...new Set([seen, "unseen_animals"])] : [seen];
}

function runRewards({ train, evaluate }: Config["rewards"]): EvaluationRequest["runRewards"] {
  const trained = trainedNames(train);
  return { trained, watched: evaluate.filter((name) => !trained.includes(name)) };
}

function judgeNamed(name: string): JudgeName {
  const judge = judgeNames.find((each) => each === name);
  if (judge === undefined) {
    throw new UsageError(`Cannot use --judge as it takes one of ${judgeNames.join(", ")}: ${name}`);
  }
  return judge;
}

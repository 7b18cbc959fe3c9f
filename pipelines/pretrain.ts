/**
 * `attune pretrain`: makes the embedded mini model and its rewards from their data, part after part.
 *
 * Every part writes its state every few minutes; the same command goes on where the last one stopped.
 * @module
 */

import { key } from "../lib/core/random.ts";
import type { ParamTree } from "../lib/core/tensor.ts";
import { openGpu } from "../lib/gpu/device.ts";
import { gpuRuntime } from "../lib/gpu/runtime.ts";
import { makeTokenizer } from "../lib/io/tokenizer.ts";
import { writeSafetensors } from "../lib/io/safetensors.ts";
import { flatLayout } from "../lib/optim/flat.ts";
import { readArguments } from "./arguments.ts";
import { loadPack } from "./data/pack.ts";
import { pathOf, readJson, readText, writeAtomically } from "./files.ts";
import { loadLearner, saveLearner } from "./pretrain/learner_file.ts";
import { type Kit, type Part, parts } from "./pretrain/parts.ts";
import { readRecipe } from "./pretrain/recipe.ts";
import { beginner, lessonsLearned, type Schedule, teach } from "./pretrain/trainer.ts";
import { fromCaller } from "./paths.ts";
import { UsageError } from "./usage_error.ts";

const HELP = `Makes the embedded mini model from its data.

Usage: attune pretrain [--recipe FILE] [--out DIR] [--state DIR] [--only PART]…

  --recipe FILE  steps, batches and rates of every part   (pipelines/configs/pretrain.yaml)
  --out DIR      where the model is written               (models/mini)
  --state DIR    where unfinished parts are kept          (.cache/pretrain)
  --only PART    makes only this part: ${Object.keys(parts).join(", ")}
`;
const SAVE_EVERY_MS = 120_000;

/**
 * Runs the task.
 *
 * @param args Its arguments, without the name of the task.
 * @returns The exit code.
 * @throws {UsageError} If an argument or the recipe is wrong.
 */
export async function run(args: readonly string[]): Promise<number> {
  const options = readArguments(args, { text: ["recipe", "out", "state"], lists: ["only"] });
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const place = (typed: string | undefined, usual: string) =>
    typed === undefined ? pathOf(new URL(`../${usual}`, import.meta.url)) : fromCaller(typed);
  const out = place(options.out, "models/mini");
  const state = place(options.state, ".cache/pretrain");
  const chosen = options.only.length > 0 ? options.only : Object.keys(parts);
  for (const name of chosen) {
    if (!Object.hasOwn(parts, name)) {
      throw new UsageError(`Cannot use --only as it takes one of ${Object.keys(parts).join(", ")}: ${name}`);
    }
  }
  const { seed, schedules } = await readRecipe(
    place(options.recipe, "pipelines/configs/pretrain.yaml"),
    chosen,
  );
  await Deno.mkdir(state, { recursive: true });
  const gpu = await openGpu(navigator.gpu);
  const log = logger(`${state}/pretrain.log`);
  await log(`adapter ${gpu.name}, seed ${seed}`);
  const runtime = gpuRuntime(gpu);
  const tokenizerFolder = `${out}/tokenizer`;
  const kit: Kit = {
    runtime,
    folder: out,
    pack: await loadPack(),
    tokenizer: makeTokenizer({
      vocab: await readJson(`${tokenizerFolder}/vocab.json`) as Record<string, number>,
      merges: await readText(`${tokenizerFolder}/merges.txt`),
      maxLength: 16,
    }),
    state,
    log,
  };
  for (const name of chosen) {
    await make(name, parts[name]!, schedules[name]!, seed, kit);
  }
  return 0;
}

/** Trains one part from where it stands, and writes it into the model's folder. */
async function make(name: string, part: Part, schedule: Schedule, seed: number, kit: Kit): Promise<void> {
  const lesson = await part.lesson(kit, schedule.batch);
  const path = `${kit.state}/${name}.safetensors`;
  const start = await loadLearner(path, flatLayout(lesson.specs).length) ?? beginner(lesson, key(seed));
  let learner = start;
  let saved = Date.now();
  let [lastStep, lastTime] = [start.step, Date.now()];
  if (start.step < schedule.steps) await kit.log(`${name}: from step ${start.step} of ${schedule.steps}`);
  for await (const progress of teach(kit.runtime, lesson, schedule, key(seed), start)) {
    const ms = (Date.now() - lastTime) / (progress.step - lastStep);
    [lastStep, lastTime] = [progress.step, Date.now()];
    const scalars = Object.entries(progress.scalars).map(([k, v]) => `${k} ${v.toPrecision(4)}`).join("  ");
    const minutes = (schedule.steps - progress.step) * ms / 60_000;
    await kit.log(
      `${name} ${progress.step}/${schedule.steps}  ${scalars}  ${ms.toFixed(0)} ms/step  ${
        minutes.toFixed(0)
      } min left`,
    );
    if (Date.now() - saved > SAVE_EVERY_MS || progress.step === schedule.steps) {
      learner = await progress.learner();
      await saveLearner(path, learner);
      saved = Date.now();
    }
  }
  const learned: ParamTree = lessonsLearned(lesson, learner);
  await part.finish(kit, learned, async (file, tree) => {
    await Deno.mkdir(`${kit.folder}/${file}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await writeAtomically(`${kit.folder}/${file}`, writeSafetensors(tree, { dtype: "F16" }));
  });
  await kit.log(`${name}: done`);
}

function logger(path: string): (line: string) => Promise<void> {
  return async (line) => {
    const text = `${new Date().toISOString().slice(0, 19)}Z ${line}`;
    console.log(text);
    await Deno.writeTextFile(path, `${text}\n`, { append: true });
  };
}

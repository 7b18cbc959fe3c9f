/**
 * What the default run reaches: `deno run -A bench/training.ts [--seeds 1,2,3] [--set key=value]… [--out DIR]`.
 *
 * For each training seed a run and its control with shuffled advantages, each evaluated on 45 prompts x 4 seeds by the training
 * reward; changes are in standard deviations of the base model's scores. The critic's explained variance is the last epoch's,
 * over the last quarter of the denoising steps.
 * @module
 */

import { parseArgs } from "@std/cli";
import { join } from "node:path";
import { run as evaluate } from "../pipelines/evaluate.ts";
import { readConfig, trainedNames } from "../pipelines/config/mod.ts";
import { readText } from "../pipelines/files.ts";
import { run as train } from "../pipelines/train.ts";

const { seeds = "1,2,3", set, out = "runs/training" } = parseArgs(Deno.args, {
  string: ["seeds", "set", "out"],
  collect: ["set"],
});

interface Row {
  readonly run: string;
  readonly change: number;
  readonly error: number;
  readonly explained: number;
  readonly ratioError: number;
  readonly minutes: number;
}

const rows: Row[] = [];
for (const seed of seeds.split(",")) {
  for (const shuffled of [false, true]) {
    const folder = join(out, `seed-${seed}${shuffled ? "-shuffled" : ""}`);
    const settings = [`seed=${seed}`, `train.shuffle_advantages=${shuffled}`, ...set];
    const start = performance.now();
    await train([...settings.flatMap((setting) => ["--set", setting]), "--out", folder]);
    const minutes = (performance.now() - start) / 60_000;
    await evaluate([folder, "--prompts", "simple_animals", "--seeds", "0-3"]);
    rows.push({ run: folder, minutes, ...await outcome(folder) });
  }
}
console.table(rows);

async function outcome(folder: string): Promise<Omit<Row, "run" | "minutes">> {
  const { lists: [list] } = JSON.parse(await readText(join(folder, "evaluation.json")));
  const { rewards } = await readConfig({ config: join(folder, "config.yaml") });
  const reward = list.rewards[trainedNames(rewards.train)[0]];
  const epochs = (await readText(join(folder, "metrics.jsonl"))).trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  const trained = epochs.filter((epoch) => epoch.critic_explained_variance_by_step !== undefined);
  const steps: readonly number[] = trained.at(-1).critic_explained_variance_by_step;
  const last = steps.slice(-Math.max(1, Math.floor(steps.length / 4)));
  return {
    change: reward.change.in_base_std,
    error: reward.change.standard_error / reward.base.std,
    explained: last.reduce((sum, x) => sum + x, 0) / last.length,
    ratioError: Math.max(...trained.map((epoch) => epoch.ratio_before_update_max_error)),
  };
}

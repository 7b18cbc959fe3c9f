/**
 * Whether an experiment that is killed at random and started again comes to the same: `deno run -A bench/experiment_resume.ts
 * [--kills 10] [--seed 1] [--jobs 1]`.
 *
 * A small matrix on the embedded model is run at one go, then once more with its whole group of processes killed after random
 * times, and started again until it ends by itself; where that is before the last kill, once more from the start. Compares `results.json` but for seconds, and every byte of the checkpoints
 * and grids; exits with 1 where something differs.
 * @module
 */

import { parseArgs } from "@std/cli";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fold, key, uniforms } from "../lib/core/random.ts";
import { readText } from "../pipelines/files.ts";

const { kills = "10", seed = "1", jobs = "1" } = parseArgs(Deno.args, { string: ["kills", "seed", "jobs"] });

const EXPERIMENT = `title: Resumed
question: Is it the same?
set:
  num_epochs: 3
  save_freq: 1
  prompts: eight_animals
  rewards.evaluate: [colourfulness]
  sample: { num_steps: 4, batch_size: 8, num_batches_per_epoch: 1 }
  train: { batch_size: 8, gradient_accumulation_steps: 1, drop_last_steps: 2 }
  critic.hidden: [16]
  evaluate: { every: 1, prompts: eight_animals, seeds: 1 }
  images: { every: 1, prompts: eight_animals, seeds: 1 }
arms:
  none: { set: { reset.mode: none } }
  all: { set: { reset.mode: all, reset.frequency: 1 } }
seeds: [1, 2]
evaluation: { prompts: [eight_animals, held_out_animals], seeds: 1 }
`;

const root = fileURLToPath(new URL("..", import.meta.url));
const home = await Deno.makeTempDir({ prefix: "attune-resume-" });
const file = join(home, "resumed.yaml");
await Deno.writeTextFile(file, EXPERIMENT);
const whole = join(home, "whole"), broken = join(home, "broken");

const from = performance.now();
const { code } = await start(whole).status;
if (code !== 0) throw new Error(`Cannot compare as the experiment failed: exit code ${code}`);
const seconds = (performance.now() - from) / 1000;
console.log(`At one go: ${seconds.toFixed(0)} s`);

let ends = 0;
const differences: string[] = [];
for (let done = 0; done < Number(kills);) {
  const after = 0.3 * seconds * uniforms(fold(key(Number(seed)), done), 1)[0]!;
  if (await endsWithin(after)) await startOver();
  else console.log(`Kill ${++done}, after ${after.toFixed(1)} s`);
}
await start(broken).status;
await startOver();
differences.forEach((difference) => console.log(difference));
console.log(
  `Killed ${kills} times, ended ${ends === 1 ? "once" : `${ends} times`}: ${
    differences.length === 0 ? "the same" : "not the same"
  }`,
);
await Deno.remove(home, { recursive: true });
Deno.exitCode = differences.length === 0 ? 0 : 1;

/** Compares what it came to, and removes it. */
async function startOver(): Promise<void> {
  ends++;
  differences.push(...await compared());
  await Deno.remove(broken, { recursive: true });
}

/** Starts the experiment as a group of processes of its own: what is started here leads none, so that setsid becomes it. */
function start(folder: string): Deno.ChildProcess {
  const task = [
    "deno",
    "task",
    "--quiet",
    "--cwd",
    root,
    "experiment",
    file,
    "--out",
    folder,
    "--jobs",
    jobs,
  ];
  return new Deno.Command("setsid", {
    args: task,
    cwd: home,
    env: { INIT_CWD: home },
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
}

/** Starts it and kills it after some seconds; tells whether it ended by itself before. */
async function endsWithin(seconds: number): Promise<boolean> {
  const process = start(broken);
  const timer = new AbortController();
  const time = new Promise<null>((resolve) => {
    const id = setTimeout(() => resolve(null), 1000 * seconds);
    timer.signal.addEventListener("abort", () => clearTimeout(id));
  });
  const ended = await Promise.race([process.status, time]);
  timer.abort();
  if (ended !== null) return true;
  // Which leads a group of its own: everything that it started dies with it.
  const { success } = await new Deno.Command("kill", { args: ["-9", "--", `-${process.pid}`] }).output();
  if (!success) throw new Error(`Cannot kill the experiment: there is no group ${process.pid}`);
  await process.status;
  return false;
}

/** What is not the same. */
async function compared(): Promise<string[]> {
  const results = async (folder: string) =>
    JSON.stringify(
      JSON.parse(await readText(join(folder, "results.json")), (name, value) =>
        name === "seconds" ? null : value),
    );
  const differences = await results(whole) === await results(broken) ? [] : ["results.json differs"];
  for (const cell of ["none/seed-1", "none/seed-2", "all/seed-1", "all/seed-2"]) {
    for (const path of ["images/epoch-0003.png", "checkpoints/epoch-0003/state.safetensors"]) {
      const [a, b] = [
        await Deno.readFile(join(whole, cell, path)),
        await Deno.readFile(join(broken, cell, path)),
      ];
      if (a.length !== b.length || a.some((byte, i) => byte !== b[i])) {
        differences.push(`${cell}/${path} differs`);
      }
    }
  }
  return differences;
}

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { interpreter } from "../../../lib/engine/mod.ts";
import { readTask, runTask } from "../../../pipelines/evaluate.ts";
import { type ExperimentRequest, reportOn, runExperiment } from "../../../pipelines/experiment.ts";
import { taskPrograms } from "../../../pipelines/experiment/programs.ts";
import type { CellPrograms } from "../../../pipelines/experiment/programs.ts";
import { readExperiment } from "../../../pipelines/experiment/read_experiment.ts";
import { exists } from "../../../pipelines/files.ts";
import { fromHere } from "../../../pipelines/paths.ts";
import { lockFolder } from "../../../pipelines/run/lock.ts";
import { readRequest } from "../../../pipelines/run/request.ts";
import { screenOn } from "../../../pipelines/run/screen.ts";
import { runRequest } from "../../../pipelines/train.ts";
import { UsageError } from "../../../pipelines/usage_error.ts";
import { withTinyModel } from "../tiny_model.ts";

const runtime = interpreter();
const adapter = { name: "interpreter", isSoftware: true, runtime };
const never = new AbortController().signal;

/** The programs themselves, on the interpreter and in this process. */
function programs(onLine: (folder: string, text: string) => void = () => {}): CellPrograms {
  const screenOf = (folder: string) =>
    screenOn({ line: (text) => onLine(folder, text), over: null, columns: Infinity, clock: () => 0 });
  return {
    train: async (folder, { stop }) => {
      const request = await readRequest({ set: [], resume: folder });
      await runRequest(request, () => Promise.resolve(adapter), screenOf(folder), stop);
    },
    evaluate: async (folder, base, { prompts, seeds, judge }) => {
      const args = [
        folder,
        ...prompts.flatMap((list) => ["--prompts", list]),
        "--judge",
        judge,
        "--base",
        base,
      ];
      const task = await readTask([...args, "--seeds", `0-${seeds - 1}`]);
      await runTask(
        task!,
        () => Promise.resolve({ runtime, saveTiles: () => Promise.resolve() }),
        screenOf(folder),
      );
    },
  };
}

/** Two cells of some seconds. */
const file = (model: string, seen: string, unseen: string) => `
title: Toy
question: Does it run?
set:
  model: ${model}
  prompts: ${seen}
  num_epochs: 3
  save_freq: 1
  rewards: { train: colourfulness, evaluate: [mini_aesthetic] }
  sample: { num_steps: 2, batch_size: 2, num_batches_per_epoch: 1 }
  train: { batch_size: 2, gradient_accumulation_steps: 1, drop_last_steps: 0 }
  lora: { rank: 2, targets: [to_q] }
  critic.hidden: [4]
  evaluate: { every: 1, prompts: ${seen}, seeds: 1 }
  images: { every: 1, prompts: ${seen}, seeds: 1 }
arms:
  slow: {}
  fast: { set: { train.learning_rate: 0.1 } }
seeds: [1]
evaluation: { prompts: [${seen}, ${unseen}], seeds: 2 }
`;

Deno.test("an experiment", async (t) => {
  await withTinyModel(async (model, home) => {
    const [seen, unseen, path] = ["seen.txt", "unseen.txt", "toy.yaml"].map((name) => join(home, name)) as [
      string,
      string,
      string,
    ];
    await Deno.writeTextFile(seen, "cat\ndog\n");
    await Deno.writeTextFile(unseen, "fox\n");
    await Deno.writeTextFile(path, file(model, seen, unseen));
    const experiment = await readExperiment(path);
    const requestIn = (name: string, more: Partial<ExperimentRequest> = {}): ExperimentRequest => ({
      experiment,
      only: [],
      from: [],
      jobs: 1,
      folder: join(home, name),
      ...more,
    });
    const lines: string[] = [];
    const screen = { line: (text: string) => void lines.push(text) };
    const whole = requestIn("whole", { jobs: 2 });
    assertEquals(await runExperiment(whole, programs(), screen, never), 0);
    const expected = await resultsIn(whole.folder);

    await t.step("trains every cell and evaluates it on prompts that were seen and others", () => {
      const results = JSON.parse(expected);
      assertEquals(results.left_out, []);
      assertEquals(results.evaluated, true);
      assertEquals(results.results.map(({ arm, set }: { arm: string; set: unknown }) => [arm, set]), [
        ["slow", { "train.learning_rate": 0.004 }],
        ["fast", { "train.learning_rate": 0.1 }],
      ]);
      for (const { runs, values } of results.results) {
        assertEquals(runs.map(({ seed, epochs }: Record<string, unknown>) => [seed, epochs]), [[1, 3]]);
        assertEquals(runs[0].curve.map(({ epoch }: { epoch: number }) => epoch), [0, 1, 2, 3]);
        for (const key of ["in_domain", "unseen_in_domain", "seen_gap", "sqrt_kl", "cmmd", "reward_gold"]) {
          assertEquals(values[key].count, 1, key);
        }
      }
    });

    await t.step("killed in the middle of a cell and started again, it comes to the same", async () => {
      const killed = requestIn("killed"), kept = join(home, "kept");
      // What a kill leaves: the folder as it is once a line is there, and files that were being written.
      const onLine = (folder: string, text: string) => {
        if (folder.endsWith("slow/seed-1") && text.startsWith("epoch 2/3")) {
          copyAtOnce(killed.folder, kept);
        }
      };
      await runExperiment({ ...killed, only: ["slow"] }, programs(onLine), screen, never);
      await Deno.mkdir(join(kept, "slow/seed-1/checkpoints/epoch-0002.part"), { recursive: true });
      assertEquals(await exists(join(kept, "slow/seed-1/checkpoints/epoch-0003")), false);
      const again = { ...killed, folder: kept };
      lines.length = 0;
      assertEquals(await runExperiment(again, programs(), screen, never), 0);
      assertEquals(lines.slice(0, 2), [
        "1/2 slow/seed-1: going on with training",
        "2/2 fast/seed-1: training",
      ]);
      assertEquals(await resultsIn(kept), expected);
      for (const file of ["images/epoch-0003.png", "checkpoints/epoch-0003/state.safetensors"]) {
        const [a, b] = [kept, whole.folder].map((folder) => Deno.readFile(join(folder, "slow/seed-1", file)));
        assertEquals(await a, await b, file);
      }
      lines.length = 0;
      assertEquals(await runExperiment(again, programs(), screen, never), 0);
      assertEquals(lines.slice(0, 2), ["1/2 slow/seed-1: finished", "2/2 fast/seed-1: finished"]);
    });

    await t.step("takes runs that were trained alike, and evaluates them in its own way", async () => {
      const [slower, from] = [join(home, "slower.yaml"), [whole.folder]];
      const text = file(model, seen, unseen).replace("rate: 0.1", "rate: 0.2").replace(
        "seeds: 2 }",
        "seeds: 1 }",
      );
      await Deno.writeTextFile(slower, text);
      const other = { ...requestIn("slower"), experiment: await readExperiment(slower), from };
      lines.length = 0;
      assertEquals(await runExperiment(other, programs(), screen, never), 0);
      assertEquals(lines.slice(0, 3), [
        `1/2 slow/seed-1: taken from ${fromHere(join(whole.folder, "slow/seed-1"))}`,
        "1/2 slow/seed-1: evaluating",
        "2/2 fast/seed-1: training",
      ]);
      const metrics = "slow/seed-1/metrics.jsonl";
      const [a, b] = [whole, other].map(({ folder }) => Deno.readTextFile(join(folder, metrics)));
      assertEquals(await a, await b);
      assertEquals(await resultsIn(whole.folder), expected);
    });

    await t.step("a cell that the guard ended is trained, and not trained again", async () => {
      const guarded = join(home, "guarded.yaml");
      const text = file(model, seen, unseen).replace("set:", "set:\n  guard.kl: 1.e-9");
      await Deno.writeTextFile(guarded, text);
      const ended = { ...requestIn("guarded"), experiment: await readExperiment(guarded), only: ["slow"] };
      for (const word of ["training", "finished"]) {
        lines.length = 0;
        assertEquals(await runExperiment(ended, programs(), screen, never), 0);
        assertEquals(lines[0], `1/1 slow/seed-1: ${word}`);
      }
      assertEquals(await exists(join(ended.folder, "slow/seed-1/checkpoints/epoch-0001")), true);
      assertEquals(await exists(join(ended.folder, "slow/seed-1/checkpoints/epoch-0002")), false);
      // Let go on, it does; one that is longer than it is to be is refused.
      await Deno.writeTextFile(guarded, text.replace("1.e-9", "1.e+9"));
      const free = { ...ended, experiment: await readExperiment(guarded) };
      lines.length = 0;
      assertEquals(await runExperiment(free, programs(), screen, never), 0);
      assertEquals(lines[0], "1/1 slow/seed-1: going on with training");
      await Deno.writeTextFile(guarded, text.replace("num_epochs: 3", "num_epochs: 2"));
      const shorter = { ...ended, experiment: await readExperiment(guarded) };
      await assertRejects(
        () => runExperiment(shorter, programs(), screen, never),
        UsageError,
        "it has 3 epochs in its folder and num_epochs is 2",
      );
    });

    await t.step("told to stop, it begins no other cell and is not finished", async () => {
      const stop = new AbortController();
      const onLine = (_: string, text: string) => text.startsWith("epoch 1/3") && stop.abort();
      const stopped = requestIn("stopped");
      assertEquals(await runExperiment(stopped, programs(onLine), screen, stop.signal), 1);
      assertEquals(await exists(join(stopped.folder, "slow/seed-1/checkpoints/epoch-0001")), true);
      assertEquals(await exists(join(stopped.folder, "fast/seed-1")), false);
      const { left_out } = JSON.parse(await resultsIn(stopped.folder));
      assertEquals(left_out, [
        { name: "slow/seed-1", why: "its training is not finished" },
        { name: "fast/seed-1", why: "it has not begun" },
      ]);
    });

    await t.step("a cell that fails is told, and the others go on", async () => {
      const { train, evaluate } = programs();
      const failing: CellPrograms = {
        evaluate,
        train: (folder, io) =>
          folder.endsWith("slow/seed-1")
            ? Promise.reject(new Error("Cannot train: no luck"))
            : train(folder, io),
      };
      lines.length = 0;
      const failed = requestIn("failed");
      assertEquals(await runExperiment(failed, failing, screen, never), 1);
      assert(lines.includes("slow/seed-1 failed: Cannot train: no luck"), lines.join("\n"));
      const { results, page } = await reportOn(failed);
      assertEquals(results.results.map(({ arm, runs }) => [arm, runs.map(({ seed }) => seed)]), [["fast", [
        1,
      ]]]);
      assertStringIncludes(
        await Deno.readTextFile(page),
        "Left out, as its training is not finished: slow/seed-1.",
      );
    });

    await t.step("what belongs to another experiment is not touched", async () => {
      await Deno.writeTextFile(path, file(model, seen, unseen).replace("rank: 2", "rank: 3"));
      const other = { ...whole, experiment: await readExperiment(path) };
      lines.length = 0;
      await assertRejects(
        () => runExperiment(other, programs(), screen, never),
        UsageError,
        "Cannot go on with slow/seed-1 as lora.rank is 2 in its folder and 3 in the experiment",
      );
      assertEquals(await resultsIn(whole.folder), expected);
      using _lock = await lockFolder(whole.folder);
      await assertRejects(
        () => runExperiment(whole, programs(), screen, never),
        UsageError,
        "another process",
      );
    });
  });
});

Deno.test("a program that fails says why", async () => {
  const lines: string[] = [];
  const io = { stop: never, line: (text: string) => void lines.push(text) };
  const { message } = await assertRejects(() => taskPrograms.train("/nowhere", io), Error);
  assertEquals(message, "attune train: Cannot resume as the folder is no run: /nowhere has no config.yaml");
  // Before it, a first run tells what it downloads.
  assertEquals(lines.at(-1), message);
});

/** Copies a folder before anything else can happen. */
function copyAtOnce(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyAtOnce(join(from, name), join(to, name));
    else Deno.copyFileSync(join(from, name), join(to, name));
  }
}

/** The results, but for what the machine decides. */
async function resultsIn(folder: string): Promise<string> {
  const text = await Deno.readTextFile(join(folder, "results.json"));
  return JSON.stringify(JSON.parse(text, (name, value) => name === "seconds" ? undefined : value));
}

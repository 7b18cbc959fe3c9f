import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { interpreter } from "../../lib/engine/mod.ts";
import { NonFiniteError } from "../../lib/stages/update_logs.ts";
import { readAdapterFile } from "../../pipelines/adapters.ts";
import { listCheckpoints } from "../../pipelines/run/checkpoint.ts";
import { readEnding } from "../../pipelines/run/ending.ts";
import { withoutMachine } from "../../pipelines/run/metrics_file.ts";
import { prepareRun } from "../../pipelines/run/prepare_run.ts";
import { readRequest } from "../../pipelines/run/request.ts";
import { runFolder } from "../../pipelines/run/run_folder.ts";
import { screenOn } from "../../pipelines/run/screen.ts";
import { runRequest, train } from "../../pipelines/train.ts";
import { withTinyModel } from "./tiny_model.ts";

const EPOCHS = 5;
const adapter = { name: "interpreter", isSoftware: true, runtime: interpreter() };
const never = new AbortController().signal;

/** A run that goes far at once, of some seconds. */
const settings = (model: string, prompts: string): string[] => [
  `model=${model}`,
  `prompts=${prompts}`,
  `num_epochs=${EPOCHS}`,
  "save_freq=100",
  "rewards={train: colourfulness, evaluate: [mini_aesthetic, gold]}",
  "sample={num_steps: 2, batch_size: 2, num_batches_per_epoch: 1}",
  "train={batch_size: 2, gradient_accumulation_steps: 1, drop_last_steps: 0, learning_rate: 0.1}",
  "lora={rank: 2, targets: [to_q, to_out.0]}",
  "critic.hidden=[4]",
  `evaluate={every: 1, prompts: ${prompts}, seeds: 2}`,
  `images={every: 1, prompts: ${prompts}, seeds: 1}`,
];

Deno.test("the guard in training", async (t) => {
  await withTinyModel(async (model, home) => {
    const prompts = join(home, "prompts.txt");
    await Deno.writeTextFile(prompts, "cat\na dog, running\n");
    const lines: string[] = [];
    const screen = screenOn({ line: (text) => lines.push(text), over: null, columns: 100, clock: () => 0 });
    const attune = async (options: Parameters<typeof readRequest>[0]) => {
      lines.length = 0;
      const request = await readRequest(options);
      assertEquals(await runRequest(request, () => Promise.resolve(adapter), screen, never), 0);
      return request.folder;
    };
    const begin = (name: string, more: readonly string[]) =>
      attune({ set: [...settings(model, prompts), ...more], out: join(home, name) });
    const metricsOf = async (name: string) => {
      const text = await Deno.readTextFile(runFolder(join(home, name)).metrics);
      return text.trimEnd().split("\n").map(withoutMachine).map((line) => JSON.parse(line));
    };
    const checkpointsOf = (name: string) => listCheckpoints(runFolder(join(home, name)).checkpoints);
    const bytesOf = (name: string, file: string) => Deno.readFile(join(home, name, file));
    const epochOf = async (path: string) => (await readAdapterFile(path)).metadata["attune.epoch"];

    await begin("free", ["guard.action=none"]);
    const free = await metricsOf("free");
    // Passed after epoch 3, while the best is epoch 2.
    const divergence = (epoch: number): number => free[epoch].evaluation.kl_to_base;
    const budget = (divergence(2) + divergence(3)) / 2;
    assert(divergence(2) < budget && divergence(3) > budget);
    await begin("guarded", [`guard.kl=${budget}`]);

    await t.step("ends a run and rolls it back to its best checkpoint", async () => {
      const metrics = await metricsOf("guarded");
      const { guard, ...last } = metrics.at(-1);
      assertEquals([...metrics.slice(0, -1), last], free.slice(0, 4));
      assertEquals(guard.action, "rollback");
      assertEquals(guard.verdicts.map(({ kind }: { kind: string }) => kind), ["kl"]);
      assertEquals(guard.best.epoch, 2);
      // Each was the best, or the last.
      assertEquals([await checkpointsOf("free"), await checkpointsOf("guarded")], [[5], [1, 2, 3]]);
      const guarded = join(home, "guarded");
      assertEquals(await epochOf(guarded), "2");
      assertEquals(await epochOf(join(guarded, "checkpoints/epoch-0003")), "3");
    });

    await t.step("says so on the terminal and in the report, with what goes on all the same", async () => {
      const [ended, best, goOn] = lines.slice(-4);
      const report = new TextDecoder().decode(await bytesOf("guarded", "report.html"));
      assertStringIncludes(
        ended!,
        "The guard ended the run after epoch 3: the divergence from the base model is",
      );
      assertStringIncludes(best!, "Its best checkpoint is that of epoch 2, with a net gain of -");
      assertStringIncludes(goOn!, "guarded --set guard.kl=null");
      for (
        const text of [
          ended!,
          best!,
          "--set guard.kl=null",
          "best checkpoint, after epoch 2",
          ">guard</text>",
        ]
      ) {
        assertStringIncludes(report, text);
      }
    });

    await t.step(
      "a run that it ended is ended again, and goes on as if never ended where it is let",
      async () => {
        const resume = join(home, "guarded");
        const before = await metricsOf("guarded");
        await attune({ set: [], resume });
        assertEquals(await metricsOf("guarded"), before);
        assertStringIncludes(lines.at(-2)!, "To go on all the same: ");
        await attune({ set: ["guard.kl=null"], resume });
        assertEquals(await metricsOf("guarded"), free);
        const state = "checkpoints/epoch-0005/state.safetensors";
        assertEquals(await bytesOf("guarded", state), await bytesOf("free", state));
        assertEquals(await readEnding(runFolder(resume).metrics), null);
        assertEquals(await epochOf(resume), "5");
      },
    );

    await t.step("stops without a rollback where it is to", async () => {
      await begin("stopped", [`guard={action: stop, kl: ${budget}}`]);
      assertEquals(await epochOf(join(home, "stopped")), "3");
      assertStringIncludes(lines.at(-4)!, "The guard ended the run after epoch 3");
    });

    await t.step("ends a run in which a number is not finite; any other error is one", async () => {
      const start = async (name: string, error: Error) => {
        const request = await readRequest({ set: settings(model, prompts), out: join(home, name) });
        lines.length = 0;
        const run = await prepareRun(request, adapter, screen, never);
        const { train: own } = run.ctx.rewards;
        const isBroken = () => lines.some((line) => line.startsWith("epoch 1/"));
        const score: typeof own.score = (...args) => isBroken() ? Promise.reject(error) : own.score(...args);
        return { ...run, ctx: { ...run.ctx, rewards: { ...run.ctx.rewards, train: { ...own, score } } } };
      };
      const run = await start("broken", new NonFiniteError("Cannot go on as a loss is NaN"));
      assertEquals((await train(run)).epoch, 1);
      const ending = await readEnding(run.folder.metrics);
      assertEquals(ending?.verdicts, [
        { kind: "non_finite", since: 2, message: "cannot go on as a loss is NaN" },
      ]);
      assertEquals(ending?.best?.epoch, 1);
      const other = await start("other", new Error("Cannot read"));
      await assertRejects(() => train(other), Error, "Cannot read");
      assertEquals(await readEnding(other.folder.metrics), null);
    });
  });
});

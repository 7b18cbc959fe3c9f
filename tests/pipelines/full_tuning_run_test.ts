/**
 * A run that trains all weights of the UNet, and what other tasks make of its checkpoints.
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { interpreter } from "../../lib/engine/mod.ts";
import { readWeights } from "../../pipelines/files.ts";
import { withoutMachine } from "../../pipelines/run/metrics_file.ts";
import { UNET_CONFIG, UNET_FILE } from "../../pipelines/run/policy_files.ts";
import { readRequest, type TrainArguments } from "../../pipelines/run/request.ts";
import { runFolder } from "../../pipelines/run/run_folder.ts";
import { screenOn } from "../../pipelines/run/screen.ts";
import { runRequest } from "../../pipelines/train.ts";
import { withTinyModel } from "./tiny_model.ts";

const silent = screenOn({ line: () => {}, over: null, columns: 80, clock: () => 0 });

const settings = (model: string, prompts: string): string[] => [
  `model=${model}`,
  `prompts=${prompts}`,
  "lora=null",
  "num_epochs=3",
  "rewards={train: colourfulness, evaluate: [gold]}",
  "sample={num_steps: 2, batch_size: 2, num_batches_per_epoch: 1}",
  "train={batch_size: 1, gradient_accumulation_steps: 2, drop_last_steps: 0, ema_decay: 0.5}",
  "critic.hidden=[6, 4]",
  "guard.action=none",
  `evaluate={every: 1, prompts: ${prompts}, unseen: null, seeds: 1}`,
  `images={every: 1, prompts: ${prompts}, seeds: 1}`,
];

async function trainBy(options: TrainArguments): Promise<void> {
  const adapter = { name: "interpreter", isSoftware: true, runtime: interpreter() };
  const request = await readRequest(options);
  const stop = new AbortController().signal;
  assertEquals(await runRequest(request, () => Promise.resolve(adapter), silent, stop), 0);
}

Deno.test("full tuning as a run", async (t) => {
  await withTinyModel(async (model, home) => {
    const prompts = join(home, "prompts.txt");
    await Deno.writeTextFile(prompts, "cat\na dog, running\n");
    const [whole, parts] = [join(home, "whole"), join(home, "parts")];
    await trainBy({ set: settings(model, prompts), out: whole });
    const last = join(whole, "checkpoints/epoch-0003");

    await t.step("tells that it starts at the base model and leaves it", async () => {
      const lines = await linesOf(whole);
      assertEquals(lines.map(({ epoch }) => epoch), [0, 1, 2, 3]);
      assertEquals([lines[0]!.kl_to_base, lines[0]!.evaluation.kl_to_base], [0, 0]);
      const moved = lines.slice(1).map(({ kl_to_base }) => kl_to_base);
      assert(moved.every((kl, i) => kl > (moved[i - 1] ?? 0)), `${moved}`);
      assertEquals(lines.slice(1).map((line) => line.ratio_before_update_max_error), [0, 0, 0]);
    });

    await t.step("stopped and gone on, is as never having stopped", async () => {
      await trainBy({ set: [...settings(model, prompts), "num_epochs=1"], out: parts });
      await trainBy({ set: ["num_epochs=3"], resume: parts });
      assertEquals(await linesOf(parts), await linesOf(whole));
      for (const file of ["state.json", "state.safetensors", UNET_CONFIG, UNET_FILE]) {
        const again = await Deno.readFile(join(parts, "checkpoints/epoch-0003", file));
        assertEquals(again, await Deno.readFile(join(last, file)), file);
      }
    });

    await t.step(
      "a checkpoint has the UNet's folder: the model's names and shapes, the running mean",
      async () => {
        const [base, unet, state] = await Promise.all(
          [join(model, UNET_FILE), join(last, UNET_FILE), join(last, "state.safetensors")].map(readWeights),
        );
        const shapes = (tree: typeof base) => Object.entries(tree!).map(([name, { shape }]) => [name, shape]);
        assertEquals(shapes(unet), shapes(base));
        for (const [name, param] of Object.entries(unet!)) assertEquals(param, state![`policy.ema/${name}`]);
        const config = (folder: string) => Deno.readTextFile(join(folder, UNET_CONFIG));
        assertEquals(await config(last), await config(model));
      },
    );
  });
});

// deno-lint-ignore no-explicit-any
async function linesOf(run: string): Promise<any[]> {
  const text = await Deno.readTextFile(runFolder(run).metrics);
  return text.trimEnd().split("\n").map((line) => JSON.parse(withoutMachine(line)));
}

/**
 * A run that trains all weights of the UNet, and what other tasks make of its checkpoints.
 * @module
 */

import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { interpreter } from "../../lib/engine/mod.ts";
import { tensor } from "../../lib/core/tensor.ts";
import { decodePng } from "../../lib/io/png.ts";
import { readTask } from "../../pipelines/evaluate.ts";
import { evaluate } from "../../pipelines/evaluate/evaluation.ts";
import { run as exportAs } from "../../pipelines/export.ts";
import { loadPipeline } from "../../pipelines/load_pipeline.ts";
import { run as merge } from "../../pipelines/merge.ts";
import { drawImages, readRequest as readDrawing } from "../../pipelines/generate.ts";
import { readWeights } from "../../pipelines/files.ts";
import { withoutMachine } from "../../pipelines/run/metrics_file.ts";
import { UNET_CONFIG, UNET_FILE } from "../../pipelines/run/policy_files.ts";
import { readRequest, type TrainArguments } from "../../pipelines/run/request.ts";
import { runFolder } from "../../pipelines/run/run_folder.ts";
import { screenOn } from "../../pipelines/run/screen.ts";
import { runRequest } from "../../pipelines/train.ts";
import { UsageError } from "../../pipelines/usage_error.ts";
import { rewriteTensors, withTinyModel } from "./tiny_model.ts";

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

    await t.step(
      "attune evaluate finds of the run what training found of it and of the base model",
      async () => {
        const task = await readTask([
          whole,
          "--prompts",
          prompts,
          "--seeds",
          "0",
          "--rewards",
          "colourfulness",
        ]);
        const [list] = (await evaluate(interpreter(), model, task!)).lists;
        const { base, adapted } = list!.rewards.colourfulness!;
        const lines = await linesOf(whole);
        const logged = [lines[0], lines[3]].map((line) => line.evaluation.rewards.colourfulness.mean);
        assertEquals([base.mean, adapted!.mean], logged);
      },
    );

    await t.step(
      "attune generate draws by it wherever it is pointed, and at strength 0 by the base model",
      async () => {
        let count = 0;
        const drawn = async (...args: string[]) => {
          const out = join(home, `images ${++count}`);
          const request = await readDrawing(["cat", "--out", out, "--model", model, "--steps", "2", ...args]);
          const [path] = await drawImages(interpreter(), model, request!, silent);
          return decodePng(await Deno.readFile(path!)).data;
        };
        const image = await drawn("--lora", whole);
        for (const path of [last, join(last, "unet"), join(last, UNET_FILE)]) {
          assertEquals(await drawn("--lora", path), image, path);
        }
        const base = await drawn();
        assertNotEquals(image, base);
        assertEquals(await drawn("--lora", whole, "--strength", "0"), base);
      },
    );

    await t.step("a UNet of another model, or a damaged one, is refused by name", async () => {
      const path = join(home, "diffusion_pytorch_model.safetensors");
      const tree = await readWeights(join(last, UNET_FILE));
      const { "conv_in.bias": bias, ...others } = tree;
      const nan = tensor(bias!.shape, bias!.data.map(() => NaN));
      const cases = [
        [others, "conv_in.bias is no such tensor, the model has [8]"],
        [{ ...tree, more: bias! }, "more is [8], the model has no such tensor"],
        [{ ...tree, "conv_in.bias": nan }, "conv_in.bias is damaged: element 0 is NaN"],
      ] as const;
      for (const [tensors, expected] of cases) {
        await rewriteTensors(path, tensors);
        const request = await readDrawing([
          "cat",
          "--out",
          join(home, "no"),
          "--model",
          model,
          "--lora",
          path,
        ]);
        await assertRejects(() => drawImages(interpreter(), model, request!, silent), UsageError, expected);
      }
    });

    await t.step("attune merge makes a model of it; no layout of attune export is for it", async () => {
      const merged = join(home, "merged");
      assertEquals(await merge([whole, "--out", merged]), 0);
      assertEquals(await readWeights(join(merged, UNET_FILE)), await readWeights(join(last, UNET_FILE)));
      await merge([whole, "--strength", "0", "--out", join(home, "none")]);
      assertEquals(
        await readWeights(join(home, "none", UNET_FILE)),
        await readWeights(join(model, UNET_FILE)),
      );
      await loadPipeline(interpreter(), merged);
      const other = ["--model", "mini", "--out", join(home, "x")];
      await assertRejects(
        () => merge([whole, ...other]),
        UsageError,
        "it is of another model: conv_in.",
      );
      await assertRejects(
        () => exportAs([whole, "--format", "peft"]),
        UsageError,
        "attune merge makes a model",
      );
    });
  });
});

// deno-lint-ignore no-explicit-any
async function linesOf(run: string): Promise<any[]> {
  const text = await Deno.readTextFile(runFolder(run).metrics);
  return text.trimEnd().split("\n").map((line) => JSON.parse(withoutMachine(line)));
}

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { key } from "../../lib/core/random.ts";
import { type FloatTensor, type ParamTree, tensor } from "../../lib/core/tensor.ts";
import { interpreter } from "../../lib/engine/mod.ts";
import { writeLora } from "../../lib/io/lora_file.ts";
import { originMetadata } from "../../lib/io/lora_metadata.ts";
import { writeSafetensors } from "../../lib/io/safetensors.ts";
import { declareUNetLora } from "../../lib/models/unet_2d_condition.ts";
import { parseUNetConfig } from "../../lib/models/unet_config.ts";
import { initParams } from "../../lib/nn/scope.ts";
import { adaptersFor, readAdapterFile } from "../../pipelines/adapters.ts";
import { readConfig, showConfig } from "../../pipelines/config/mod.ts";
import * as exportTask from "../../pipelines/export.ts";
import { copyFolder, exists, readJson, readWeights, withWeights } from "../../pipelines/files.ts";
import { loadPipeline } from "../../pipelines/load_pipeline.ts";
import * as mergeTask from "../../pipelines/merge.ts";
import { drawAll, makeSampler } from "../../pipelines/sampler.ts";
import { UsageError } from "../../pipelines/usage_error.ts";
import { assertClose } from "../models/golden.ts";
import { UNET_FILE, withTinyModel } from "./tiny_model.ts";

const origin = originMetadata({
  base: "tiny",
  base_hash: "abc",
  method: "tdpo-r",
  reward: "brightness",
  epoch: 3,
  step: 6,
  scores: { brightness: 0.5 },
});

/** A run's folder below another, with a checkpoint of adapters that change what is drawn. */
async function writeRun(
  folder: string,
  model: string,
): Promise<{ readonly run: string; readonly adapters: ParamTree }> {
  const run = join(folder, "runs/0007");
  const checkpoint = join(run, "checkpoints/epoch-0003");
  await Deno.mkdir(checkpoint, { recursive: true });
  await Deno.writeTextFile(
    join(run, "config.yaml"),
    showConfig(await readConfig({ set: [`model=${model}`] })),
  );
  const unet = parseUNetConfig(await readJson(join(model, "unet/config.json")));
  const specs = declareUNetLora(unet, { rank: 2, scale: 1, targets: ["to_q", "to_out.0"] });
  const adapters = initParams(specs.map((spec) => ({ ...spec, init: { kind: "normal", std: 1 } })), key(8));
  await Deno.writeFile(
    join(checkpoint, "pytorch_lora_weights.safetensors"),
    writeLora(adapters, { format: "diffusers", metadata: origin }),
  );
  return { run, adapters };
}

Deno.test("export: a run's adapters in every layout, with where they come from", async () => {
  await withTinyModel(async (model, folder) => {
    const { run, adapters } = await writeRun(folder, model);
    for (const format of ["diffusers", "kohya", "peft", "reference"]) {
      const out = join(folder, "new", `${format}.safetensors`);
      assertEquals(await exportTask.run([run, "--format", format, "--out", out]), 0);
      const found = await readAdapterFile(out);
      assertEquals(found.formats.join(), format);
      assertEquals(found.adapters, adapters);
      const { format: _, ...strings } = found.metadata;
      const own = Object.entries(strings).filter(([name]) => name.startsWith("attune."));
      assertEquals(Object.fromEntries(own), origin);
      assertEquals(Object.keys(strings).length > own.length, format === "kohya");
      if (format === "kohya") {
        assertEquals([strings.ss_network_alpha, strings.ss_sd_model_name], ["2", "tiny"]);
        assertEquals(strings["modelspec.title"], "kohya");
      }
    }
    const half = join(folder, "half.safetensors");
    await exportTask.run([
      join(folder, "new/kohya.safetensors"),
      "--format",
      "peft",
      "--dtype",
      "f16",
      "--out",
      half,
    ]);
    await withWeights(half, (file) => {
      assert([...file.entries.values()].every(({ dtype }) => dtype === "F16"));
      return Promise.resolve();
    });
    const request = await exportTask.readRequest([run, "--format", "kohya"]);
    assert(request?.out.endsWith("/0007-epoch-0003.kohya.safetensors"), request?.out);
  }, { rewards: false });
});

Deno.test("merge: a folder that draws without adapters what the model draws with them", async () => {
  await withTinyModel(async (model, folder) => {
    const { run, adapters } = await writeRun(folder, model);
    const out = join(folder, "merged");
    assertEquals(await mergeTask.run([run, "--strength", "0.5", "--out", out]), 0);
    const draw = async (from: string, strength: number | null) => {
      const { models, free } = await loadPipeline(interpreter(), from, { lora: { rank: 2 } });
      const options = { num_steps: 2, eta: 1, guidance_scale: 3, batch_size: 1 };
      const sampler = await makeSampler(interpreter(), models, options);
      const file = await readAdapterFile(run);
      const adapted = strength === null ? null : { params: adaptersFor(file, models.policy.specs), strength };
      const images = await drawAll(sampler.draw([{ prompt: "cat", seed: 1 }], adapted));
      sampler.free();
      await free();
      return images;
    };
    const merged = await draw(out, null);
    assertClose(merged, await draw(model, 0.5), 1e-4, "merged");
    const base = await draw(model, null);
    const change = Math.max(...base.data.map((x, i) => Math.abs(x - merged.data[i]!)));
    assert(change > 0.01, `the adapters change too little: ${change}`);

    const layers = new Set(Object.keys(adapters).map((name) => name.replace(/lora_[AB]\.weight$/, "weight")));
    const [before, after] = [
      await readWeights(join(model, UNET_FILE)),
      await readWeights(join(out, UNET_FILE)),
    ];
    assertEquals(Object.keys(after).sort(), Object.keys(before).sort());
    for (const name of Object.keys(before)) {
      const same = before[name]!.data.every((x, i) => x === after[name]!.data[i]);
      assertEquals(same, !layers.has(name), name);
    }
    for (const file of ["vae/config.json", "text_encoder/model.safetensors", "unet/config.json"]) {
      assertEquals(await Deno.readFile(join(out, file)), await Deno.readFile(join(model, file)), file);
    }
    const [theirs, ours] = [model, out].map((folder) => readJson(join(folder, "model_index.json")));
    assertEquals(await ours, await theirs);
    await withWeights(join(out, UNET_FILE), ({ metadata }) => {
      assertEquals(metadata, { format: "pt", "attune.merged_strength": "0.5", ...origin });
      return Promise.resolve();
    });

    const half = join(folder, "half");
    await mergeTask.run([run, "--dtype", "f16", "--out", half]);
    assert(
      (await Deno.stat(join(half, UNET_FILE))).size < 0.6 * (await Deno.stat(join(out, UNET_FILE))).size,
    );
    // As attune fetch leaves a model: half precision, and without a part that its index asks for.
    const fetched = join(folder, "fetched");
    await copyFolder(model, fetched);
    const index = await readJson(join(model, "model_index.json")) as Record<string, unknown>;
    const checker = { safety_checker: ["stable_diffusion", "Checker"], requires_safety_checker: true };
    await Deno.writeTextFile(join(fetched, "model_index.json"), JSON.stringify({ ...index, ...checker }));
    const files = ["text_encoder/model", "vae/diffusion_pytorch_model"];
    for (const file of files) {
      const [plain, variant] = ["", ".fp16"].map((middle) => join(fetched, `${file}${middle}.safetensors`));
      await Deno.rename(plain!, variant!);
    }
    const whole = join(folder, "whole");
    await mergeTask.run([run, "--model", fetched, "--out", whole]);
    assertEquals(await readJson(join(whole, "model_index.json")), { ...index, safety_checker: [null, null] });
    for (const file of files) assert(await exists(join(whole, `${file}.safetensors`)), file);

    const unet = await readWeights(join(fetched, UNET_FILE));
    const [name, { shape, data }] = Object.entries(unet)[0]!;
    const damaged = tensor(shape, Float32Array.from(data as ArrayLike<number>, (x, i) => i === 1 ? NaN : x));
    await Deno.writeFile(
      join(fetched, UNET_FILE),
      writeSafetensors({ ...unet as Record<string, FloatTensor>, [name]: damaged }),
    );
    await assertRejects(
      () => mergeTask.run([run, "--model", fetched, "--out", join(folder, "x")]),
      UsageError,
      `element 1 of ${name} becomes NaN`,
    );

    const other = await assertRejects(
      () => mergeTask.run([run, "--model", "mini", "--out", join(folder, "x")]),
      SyntaxError,
    );
    assertStringIncludes(other.message, "do not fit its weight");
    const left = await Array.fromAsync(Deno.readDir(folder));
    assertEquals(left.filter(({ name }) => name.startsWith("x")), []);
  }, { rewards: false });
});

Deno.test("mistakes in the arguments are said in one line, and nothing is overwritten", async () => {
  await withTinyModel(async (model, folder) => {
    const { run } = await writeRun(folder, model);
    const cases: readonly [typeof exportTask.run, string[], string][] = [
      [exportTask.run, [], "there are no adapters"],
      [exportTask.run, [run], "there is no --format: it is one of diffusers, kohya, peft, reference"],
      [exportTask.run, [run, "--format", "kohia"], "kohia; did you mean kohya?"],
      [exportTask.run, [run, "--format", "peft", "--dtype", "bf16"], "--dtype as it takes f32 or f16: bf16"],
      [exportTask.run, [run, "--format", "peft", "--out", model], `there already: ${model}`],
      [exportTask.run, [join(folder, "none"), "--format", "peft"], "no such file or folder"],
      [mergeTask.run, [], "there are no adapters"],
      [mergeTask.run, [run], "there is no --out"],
      [mergeTask.run, [run, "--out", model], `there already: ${model}`],
      [mergeTask.run, [run, "--out", join(folder, "x"), "--strength", "all"], "--strength"],
      [mergeTask.run, [run, "--out", join(folder, "x"), "--model", "mimi"], "did you mean mini?"],
    ];
    for (const [task, args, expected] of cases) {
      const { message } = await assertRejects(() => task(args), SyntaxError);
      assertStringIncludes(message, expected);
      assertEquals(message.split("\n").length, 1, message);
    }
  }, { rewards: false });
});

import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { basename, join } from "node:path";
import { key } from "../../lib/core/random.ts";
import type { ParamTree } from "../../lib/core/tensor.ts";
import { interpreter, type Runtime } from "../../lib/engine/mod.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { writeLora } from "../../lib/io/lora_file.ts";
import { type LoraFormat, loraLayouts } from "../../lib/io/lora_layouts.ts";
import { decodePng } from "../../lib/io/png.ts";
import { packParams } from "../../lib/optim/flat.ts";
import { tdpoR } from "../../lib/methods/mod.ts";
import { prepare } from "../../lib/stages/context.ts";
import { generate } from "../../lib/stages/generate.ts";
import { readConfig } from "../../pipelines/config/mod.ts";
import { initParams, type ParamSpec } from "../../lib/nn/scope.ts";
import { adaptersFor, readAdapterFile } from "../../pipelines/adapters.ts";
import { drawImages, type GenerateRequest, readRequest, run } from "../../pipelines/generate.ts";
import { imageNames } from "../../pipelines/image_names.ts";
import { loadPipeline } from "../../pipelines/load_pipeline.ts";
import { pairKey } from "../../pipelines/pair_key.ts";
import { screenOn } from "../../pipelines/run/screen.ts";
import { drawAll, makeSampler, type Wish } from "../../pipelines/sampler.ts";
import { parseSeeds } from "../../pipelines/seeds.ts";
import { withTinyModel } from "./tiny_model.ts";

const screen = screenOn({ line: () => {}, over: null, columns: 80, clock: () => 0 });

/** Adapters that change what is drawn. */
function strongAdapters(specs: readonly ParamSpec[]): ParamTree {
  return initParams(specs.map((spec) => ({ ...spec, init: { kind: "normal", std: 2 } })), key(5));
}

async function request(model: string, ...args: string[]): Promise<GenerateRequest> {
  const read = await readRequest([...args, "--model", model, "--steps", "2"]);
  assert(read !== null);
  return read;
}

Deno.test("images go to files named after prompt and seed, with what it takes to draw them again", async () => {
  await withTinyModel(async (model, folder) => {
    const out = join(folder, "out");
    const wanted = await request(model, "a cat", "dog", "--seeds", "3,5", "--out", out, "--grid");
    const paths = await drawImages(interpreter(), model, wanted, screen);
    assertEquals(paths.map((path) => basename(path)), [
      "a_cat-3.png",
      "a_cat-5.png",
      "dog-3.png",
      "dog-5.png",
      "grid.png",
    ]);
    const image = decodePng(await Deno.readFile(paths[0]!));
    assertEquals([image.width, image.height], [8, 8]);
    const { model_hash, ...settings } = JSON.parse(image.text.attune!);
    assertEquals(model_hash.length, 64);
    const expected = { prompt: "a cat", seed: 3, steps: 2, guidance: 3, eta: 1, precision: "stored", model };
    assertEquals(settings, expected);
    const other = decodePng(await Deno.readFile(paths[1]!));
    assertNotEquals(image.data, other.data);

    const error = await assertRejects(() => drawImages(interpreter(), model, wanted, screen), SyntaxError);
    assertStringIncludes(error.message, "there is a file already");
    const before = await Deno.readFile(paths[0]!);
    await drawImages(interpreter(), model, { ...wanted, overwrite: true }, screen);
    assertEquals(await Deno.readFile(paths[0]!), before);
  }, { rewards: false });
});

for (const [name, open] of [["interpreter", interpreter], ["GPU", gpu]] as const) {
  Deno.test(`on the ${name} an image depends neither on its batch nor on adapters of strength 0`, async () => {
    const runtime = await open();
    await withTinyModel(async (model) => {
      const { models, free } = await loadPipeline(runtime, model, { lora: { rank: 2 } });
      const adapters = strongAdapters(models.policy.specs);
      const wishes: Wish[] = ["cat", "dog", "bee"].map((prompt, seed) => ({ prompt, seed }));
      const options = { num_steps: 2, eta: 1, guidance_scale: 3 };
      const pairs = await makeSampler(runtime, models, { ...options, batch_size: 2 });
      const singles = await makeSampler(runtime, models, { ...options, batch_size: 1 });
      const base = await drawAll(pairs.draw(wishes, null));
      assertEquals(base.shape, [3, 8, 8, 3]);
      assertEquals((await drawAll(singles.draw(wishes, null))).data, base.data);
      assertEquals((await drawAll(pairs.draw(wishes.slice(1), null))).data, base.data.slice(192));
      assertEquals((await drawAll(pairs.draw(wishes, { params: adapters, strength: 0 }))).data, base.data);
      const whole = await drawAll(pairs.draw(wishes, { params: adapters, strength: 1 }));
      const half = await drawAll(pairs.draw(wishes, { params: adapters, strength: 0.5 }));
      assertNotEquals(whole.data, base.data);
      assertNotEquals(half.data, whole.data);
      pairs.free();
      singles.free();
      await free();
    }, { rewards: false });
  });
}

Deno.test("the same prompt and seed give the same image as in training", async () => {
  await withTinyModel(async (model) => {
    const runtime = interpreter();
    const config = await readConfig({
      set: [
        "sample.num_steps=2",
        "sample.batch_size=2",
        "sample.num_batches_per_epoch=1",
        "train.batch_size=2",
        "train.drop_last_steps=0",
      ]
        .concat("train.gradient_accumulation_steps=1", "rewards.train=brightness"),
    });
    const { models, rewards, free } = await loadPipeline(runtime, model, {
      critic: { config: config.critic, reward: "brightness" },
      rewards: ["brightness"],
    });
    const train = rewards.brightness!;
    const prompts = ["cat", "dog"];
    const ctx = await prepare({
      method: tdpoR,
      options: config,
      models,
      runtime,
      prompts,
      rewards: { train, evaluate: [] },
    });
    const adapters = strongAdapters(models.policy.specs);
    const request = {
      conditioning: ctx.conditioning,
      promptRows: [1, 0],
      keys: [pairKey("dog", 4), pairKey("cat", 9)],
    };
    const expected = await generate(packParams(ctx.layouts.policy, adapters), request, ctx);
    const sampler = await makeSampler(runtime, models, { ...config.sample, batch_size: 1 });
    const wishes = [{ prompt: "dog", seed: 4 }, { prompt: "cat", seed: 9 }];
    const drawn = await drawAll(sampler.draw(wishes, { params: adapters, strength: 1 }));
    assertEquals(drawn, expected.images);
    await free();
  });
});

Deno.test("adapters are found by file, and read in the spellings of other tools", async () => {
  await withTinyModel(async (model, folder) => {
    const { models } = await loadPipeline(interpreter(), model, { lora: { rank: 3 } });
    const adapters = strongAdapters(models.policy.specs);
    const narrow = await loadPipeline(interpreter(), model, { lora: { rank: 2 } });
    for (const format of Object.keys(loraLayouts) as LoraFormat[]) {
      const path = join(folder, `${format}.safetensors`);
      await Deno.writeFile(path, writeLora(adapters, { format }));
      const file = await readAdapterFile(path);
      assertEquals([file.rank, file.formats, file.run], [3, [format], null]);
      assertEquals(adaptersFor(file, models.policy.specs), adapters);
      const { message } = assertThrows(() => adaptersFor(file, narrow.models.policy.specs), SyntaxError);
      assertStringIncludes(message, path);
    }
    for (const path of [join(folder, "none"), folder]) {
      assertStringIncludes((await assertRejects(() => readAdapterFile(path), SyntaxError)).message, path);
    }
    const broken = join(folder, "broken.safetensors");
    await Deno.writeTextFile(broken, "none");
    assertStringIncludes((await assertRejects(() => readAdapterFile(broken), SyntaxError)).message, broken);
  }, { rewards: false });
});

Deno.test("names stay apart", () => {
  const long = "a".repeat(80);
  const names = imageNames(
    ["Red cat!", "red, cat", "+", long].map((prompt) => ({ prompt, seed: 1 })),
  );
  assertEquals(new Set(names).size, 4, String(names));
  for (const name of names) assert(/^[a-z_]*-[0-9a-f]{8}-1\.png$/.test(name) && name.length < 80, name);
  assertEquals(imageNames([{ prompt: "a red cat", seed: 7 }]), ["a_red_cat-7.png"]);
  assertMatch(imageNames([{ prompt: "🐱", seed: 7 }])[0]!, /^prompt-[0-9a-f]{8}-7\.png$/);
});

Deno.test("seeds are lists and ranges", () => {
  assertEquals(parseSeeds("7"), [7]);
  assertEquals(parseSeeds("0-2, 9,1"), [0, 1, 2, 9]);
  for (const bad of ["", "-1", "3-1", "a", "1.5", "0-99999999"]) {
    assertThrows(() => parseSeeds(bad), SyntaxError, "Cannot ", bad);
  }
});

Deno.test("mistakes in the arguments are said in one line", async () => {
  const cases: readonly [string[], string][] = [
    [[], "there is no prompt"],
    [["cat", "--prompts", "simple_animal"], "did you mean simple_animals?"],
    [["cat", "--prompts", "./none.txt"], "no such file: ./none.txt"],
    [["cat", "--seed", "1"], "did you mean --seeds?"],
    [["cat", "--steps", "0"], "--steps as it takes a whole number from 1 to 1000: 0"],
    [["cat", "--eta", "2"], "--eta as it takes a number from 0 to 1: 2"],
    [["cat", "--guidance", "much"], "--guidance as it takes a number from 0 to 1000: much"],
    [["cat", "--precision", "f17"], "--precision as it takes stored, f32, f16_weights, f16: f17"],
    [["cat", "--strength", "0.5"], "there is no --lora"],
    [["cat", "--lora", "./none"], "no such file or folder"],
    [["cat", "--model", "mimi"], "did you mean mini?"],
  ];
  for (const [args, expected] of cases) {
    const { message } = await assertRejects(() => run(args), SyntaxError);
    assertStringIncludes(message, expected);
    assertEquals(message.split("\n").length, 1, message);
  }
  await withTinyModel(async (_, folder) => {
    const empty = join(folder, "empty.txt");
    await Deno.writeTextFile(empty, "\n \n");
    const { message } = await assertRejects(() => run(["--prompts", empty]), SyntaxError);
    assertStringIncludes(message, "the list is empty");
  }, { rewards: false });
});

async function gpu(): Promise<Runtime> {
  return gpuRuntime(await openGpu(navigator.gpu));
}

import {
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import { full, type ParamTree } from "../../lib/core/tensor.ts";
import { interpreter } from "../../lib/engine/mod.ts";
import { writeSafetensors } from "../../lib/io/safetensors.ts";
import { readConfig } from "../../pipelines/config.ts";
import { readWeights } from "../../pipelines/files.ts";
import { modelFolder } from "../../pipelines/load/model_folder.ts";
import { type LoadOptions, loadPipeline } from "../../pipelines/load_pipeline.ts";
import { loadEmbedder } from "../../pipelines/load_rewards.ts";
import { rewriteTensors, UNET_FILE, withTinyModel } from "./tiny_model.ts";

const REWARDS = ["mini_aesthetic", "mini_pick", "mini_hps", "gold", "colourfulness"];

async function refusal(model: string, options: LoadOptions = {}): Promise<string> {
  const error = await assertRejects(() => loadPipeline(interpreter(), model, options), SyntaxError);
  assertEquals(error.message.split("\n").length, 1, error.message);
  assertStringIncludes(error.message, "Cannot load ");
  return error.message;
}

Deno.test("a folder is loaded with its rewards, and the critic shares the training reward's tower", async () => {
  await withTinyModel(async (model) => {
    const { critic } = await readConfig({});
    const pipeline = await loadPipeline(interpreter(), model, {
      lora: { rank: 2 },
      critic: { config: critic, reward: "mini_aesthetic" },
      rewards: REWARDS,
    });
    const { models, rewards, judges } = pipeline;
    assertEquals(models.latentShape, [4, 4, 4]);
    assertEquals(models.policy.specs[0]!.shape[0], 2);
    assertEquals(Object.keys(rewards), REWARDS);
    const shared = (await judges.encoder("clip")).weights;
    assertStrictEquals(models.encoder.weights, shared);
    const images = full([3, 8, 8, 3], 0.25);
    for (const reward of Object.values(rewards)) {
      assertEquals((await reward.score(images, ["a cat", "a dog", "a bee"])).length, 3, reward.name);
    }
    const embedder = await loadEmbedder(pipeline, "clip");
    assertEquals((await embedder.texts(["a cat"])).shape, [1, 8]);
    assertEquals(Object.keys(models.decoder.weights).filter((name) => name.startsWith("encoder.")), []);
    await pipeline.free();
  });
});

Deno.test("the hash is that of the weights that were read", async () => {
  await withTinyModel(async (model) => {
    const hash = async (options: LoadOptions = {}) =>
      (await loadPipeline(interpreter(), model, options)).hash;
    const plain = await hash();
    assertEquals(plain.length, 64);
    assertEquals(await hash(), plain);
    assertNotEquals(await hash({ rewards: ["mini_pick"] }), plain);
    await change(model, (tree) => ({ ...tree, "conv_in.bias": full([8], 1) }));
    assertNotEquals(await hash(), plain);
  });
});

Deno.test("half precision and old names of the autoencoder's attention are read", async () => {
  await withTinyModel(async (model) => {
    const whole = await loadPipeline(interpreter(), model);
    const path = join(model, "vae/diffusion_pytorch_model.safetensors");
    const old = { to_q: "query", to_k: "key", to_v: "value", "to_out.0": "proj_attn" } as const;
    const tree = Object.fromEntries(
      Object.entries(await readWeights(path)).map(([name, param]) => [
        name.replace(/(to_q|to_k|to_v|to_out\.0)/, (part) => old[part as keyof typeof old]),
        param,
      ]),
    );
    await rewriteTensors(path, tree);
    const unet = join(model, UNET_FILE);
    const half = writeSafetensors(await readWeights(unet), { dtype: "F16" });
    await Deno.remove(unet);
    await Deno.writeFile(unet.replace(".safetensors", ".fp16.safetensors"), half);
    const again = await loadPipeline(interpreter(), model);
    assertEquals(Object.keys(again.models.decoder.weights), Object.keys(whole.models.decoder.weights));
    assertEquals(Object.keys(again.models.policy.weights), Object.keys(whole.models.policy.weights));
  });
});

Deno.test("weights that do not fit are refused in one line that names file and tensor", async () => {
  const cases: readonly [string, (tree: ParamTree) => ParamTree][] = [
    ["a tensor is missing: conv_in.bias [8]", ({ "conv_in.bias": _, ...others }) => others],
    ["the model has no such tensor: extra", (tree) => ({ ...tree, extra: full([1], 0) })],
    [
      "conv_in.bias has another shape: [9] where [8] is needed",
      (tree) => ({ ...tree, "conv_in.bias": full([9], 0) }),
    ],
    [
      "conv_in.bias is damaged: element 0 is NaN",
      (tree) => ({ ...tree, "conv_in.bias": full([8], NaN) }),
    ],
  ];
  await withTinyModel(async (model) => {
    const good = await Deno.readFile(join(model, UNET_FILE));
    for (const [expected, edit] of cases) {
      await Deno.writeFile(join(model, UNET_FILE), good);
      await change(model, edit);
      const message = await refusal(model);
      assertStringIncludes(message, expected);
      assertStringIncludes(message, UNET_FILE);
    }
    await Deno.writeFile(join(model, UNET_FILE), good.slice(0, good.length - 5));
    const error = await assertRejects(() => loadPipeline(interpreter(), model), SyntaxError);
    assertStringIncludes(error.message, UNET_FILE);
    assertEquals(error.message.split("\n").length, 1, error.message);
  });
});

Deno.test("buffers of positions are left alone", async () => {
  await withTinyModel(async (model) => {
    await change(model, (tree) => ({ ...tree, "text_model.embeddings.position_ids": full([1, 16], 0) }));
    const { models } = await loadPipeline(interpreter(), model);
    assertEquals(Object.keys(models.policy.weights).some((name) => name.endsWith("position_ids")), false);
  });
});

Deno.test("files that are not there are named, with what makes them", async () => {
  await withTinyModel(async (model) => {
    const message = await refusal(model, { rewards: ["mini_aesthetic"] });
    assertStringIncludes(message, "rewards/clip/model.safetensors");
    assertStringIncludes(message, "deno task pretrain");
    await Deno.remove(join(model, UNET_FILE));
    assertStringIncludes(await refusal(model), UNET_FILE);
    await Deno.writeTextFile(join(model, "unet/config.json"), "{");
    assertStringIncludes(
      (await assertRejects(() => loadPipeline(interpreter(), model), SyntaxError)).message,
      "unet/config.json",
    );
  }, { rewards: false });
});

Deno.test("unknown rewards and models are refused with what may be meant", async () => {
  await withTinyModel(async (model) => {
    const load = (names: string[]) => loadPipeline(interpreter(), model, { rewards: names });
    const { message } = await assertRejects(() => load(["mini_pik"]), SyntaxError);
    assertStringIncludes(message, "no such reward: mini_pik; did you mean mini_pick?");
    const other = await assertRejects(() => load(["beauty"]), SyntaxError);
    assertStringIncludes(other.message, "there are colourfulness");
  }, { rewards: false });
  assertStringIncludes(
    (await assertRejects(() => modelFolder("mimi"), SyntaxError)).message,
    "did you mean mini?",
  );
  assertStringIncludes(
    (await assertRejects(() => modelFolder("./none"), SyntaxError)).message,
    "no model_index.json: ./none",
  );
  assertEquals((await modelFolder("mini")).endsWith("models/mini"), true);
});

async function change(model: string, edit: (tree: ParamTree) => ParamTree): Promise<void> {
  const path = join(model, UNET_FILE);
  await rewriteTensors(path, edit(await readWeights(path)));
}

import {
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import { full, type ParamTree, tensor } from "../../lib/core/tensor.ts";
import { interpreter } from "../../lib/engine/mod.ts";
import { writeSafetensors } from "../../lib/io/safetensors.ts";
import { toEngine } from "../../lib/nn/layout.ts";
import type { ParamSpec } from "../../lib/nn/scope.ts";
import { readConfig } from "../../pipelines/config/mod.ts";
import { readWeights } from "../../pipelines/files.ts";
import { loadWeights } from "../../pipelines/load/weights.ts";
import { modelFolder } from "../../pipelines/load/model_folder.ts";
import { type LoadOptions, loadPipeline } from "../../pipelines/load_pipeline.ts";
import { loadEmbedder } from "../../pipelines/load/load_embedder.ts";
import { pickleOf, torchFileOf, torchZip } from "../io/torch_writer.ts";
import { rewriteTensors, UNET_FILE, withTinyModel } from "./tiny_model.ts";

const VAE_FILE = "vae/diffusion_pytorch_model.safetensors";

const REWARDS = ["mini_aesthetic", "mini_pick", "mini_hps", "gold", "colourfulness"];

async function refusal(model: string, options: LoadOptions = {}): Promise<string> {
  const error = await assertRejects(() => loadPipeline(interpreter(), model, options), SyntaxError);
  assertEquals(error.message.split("\n").length, 1, error.message);
  assertStringIncludes(error.message, "Cannot load ");
  return error.message;
}

Deno.test("a folder is loaded with its rewards, and the critic shares the tower that it looks through, if any", async () => {
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
    for (const [name, array] of Object.entries(models.sight.parts.encoder!)) {
      assertStrictEquals(array, shared[name]);
    }
    const seen = async (encoder: string) => {
      const { models, free, judges } = await loadPipeline(interpreter(), model, {
        critic: { config: { ...critic, encoder }, reward: "mini_aesthetic" },
      });
      await free();
      const [{ shape }] = models.critic.specs as [ParamSpec];
      return [Object.keys(models.sight.parts), Object.keys(judges.files()), shape[1]! - 32 - 16];
    };
    assertEquals(await seen("mini_pick"), [
      ["decoder", "encoder"],
      ["rewards/mini_pick/model.safetensors"],
      8,
    ]);
    assertEquals(await seen("latents"), [[], [], 4 * 4 * 4]);
    assertEquals(await seen("unet"), [["policy"], [], 8]);
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

Deno.test("torch files are read where there is no safetensors file, to the same weights", async () => {
  await withTinyModel(async (model) => {
    const weights = async () => {
      const { models, judges, runtime } = await loadPipeline(interpreter(), model, {
        rewards: ["mini_aesthetic"],
      });
      const all = [models.text, models.policy, models.decoder, await judges.encoder("clip")];
      const trees = [...all.map(({ weights }) => weights), await judges.aestheticHead("mini_aesthetic")];
      return await runtime.get(trees.flatMap((tree) => Object.values(tree)));
    };
    const before = await weights();
    const files = [
      ["unet/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.bin"],
      ["vae/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.fp16.bin"],
      ["text_encoder/model.safetensors", "text_encoder/pytorch_model.bin"],
      ["rewards/mini_aesthetic/model.safetensors", "rewards/mini_aesthetic/model.pth"],
      ["rewards/clip/model.safetensors", "rewards/clip/model.pt"],
    ] as const;
    for (const [from, to] of files) {
      const tree = await readWeights(join(model, from));
      await Deno.remove(join(model, from));
      await Deno.writeFile(join(model, to), torchFileOf(tree));
    }
    assertEquals(await weights(), before);
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
  });
});

Deno.test("damaged and hostile files are refused in one line that names them", async () => {
  await withTinyModel(async (model) => {
    const path = join(model, UNET_FILE);
    const good = await Deno.readFile(path);
    const words = good.slice();
    const type = new TextDecoder("latin1").decode(good).indexOf('"conv_in.bias":{"dtype":"F32"') + 25;
    words.set(new TextEncoder().encode("U32"), type);
    const vae = await readWeights(join(model, VAE_FILE));
    const name = Object.keys(vae).find((each) => each.includes(".to_q."))!;
    const cases: readonly [string, Uint8Array, string][] = [
      [UNET_FILE, good.slice(0, good.length - 5), "is truncated"],
      [UNET_FILE, new Uint8Array(), "it ends after 0 bytes"],
      [UNET_FILE, words, "the tensor conv_in.bias has a type that is not read: U32, save it as F32"],
      [UNET_FILE, torchZip(pickleOf("cposix\nsystem\n")), "found posix.system;"],
      [UNET_FILE, torchFileOf(vae, "state_dict"), 'no tensor at its top: found ["state_dict"];'],
      [
        VAE_FILE,
        writeSafetensors({ ...vae, [name.replace("to_q", "query")]: vae[name]! }),
        `two of its tensors are the same one: ${name.replace("to_q", "query")} and ${name};`,
      ],
    ];
    for (const [file, bytes, expected] of cases) {
      const before = await Deno.readFile(join(model, file));
      await Deno.writeFile(join(model, file), bytes);
      const error = await assertRejects(() => loadPipeline(interpreter(), model), SyntaxError);
      assertStringIncludes(error.message, join(model, file));
      assertStringIncludes(error.message, expected);
      assertEquals(error.message.split("\n").length, 1, error.message);
      await Deno.writeFile(join(model, file), before);
    }
  });
});

Deno.test("a torch file's tensors are found below the keys that lead to them", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "model.pt");
    const tree = { weight: tensor([2, 3], [1, 2, 3, 4, 5, 6]) };
    await Deno.writeFile(path, torchFileOf(tree, "state_dict"));
    const specs: ParamSpec[] = [{ name: "weight", shape: [2, 3], init: { kind: "constant", value: 0 } }];
    const runtime = interpreter();
    const { weight } = await loadWeights(runtime, path, specs, { within: ["state_dict"] });
    assertEquals(await runtime.get([weight!]), [toEngine(tree.weight)]);
    const error = await assertRejects(
      () => loadWeights(runtime, path, specs, { within: ["model"] }),
      SyntaxError,
    );
    assertStringIncludes(error.message, 'it holds no model: found ["state_dict"]');
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
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
    assertStringIncludes(message, "attune pretrain");
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

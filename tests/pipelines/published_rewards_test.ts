import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import { fold, key, normals, uniforms } from "../../lib/core/random.ts";
import { type ParamTree, size, tensor } from "../../lib/core/tensor.ts";
import { interpreter, trace } from "../../lib/engine/mod.ts";
import { openClipPieces } from "../../lib/io/open_clip_names.ts";
import { writeSafetensors } from "../../lib/io/safetensors.ts";
import { takePiece } from "../../lib/io/tensor_piece.ts";
import { bindParams, initParams } from "../../lib/nn/scope.ts";
import { imageEmbedder } from "../../lib/rewards/embedder.ts";
import { rewardCatalogue } from "../../lib/rewards/catalogue.ts";
import { officialScore } from "../../lib/rewards/reward.ts";
import { readConfig } from "../../pipelines/config/mod.ts";
import { towerOf } from "../../pipelines/load/critic_tower.ts";
import { declareHead } from "../../pipelines/load/judge_configs.ts";
import { findRewardFile, rewardFiles } from "../../pipelines/load/reward_files.ts";
import { loadPipeline } from "../../pipelines/load_pipeline.ts";
import { availableRewards } from "../../pipelines/load/available_rewards.ts";
import { loadEmbedder, loadOnlooker } from "../../pipelines/load/load_embedder.ts";
import { torchFileOf } from "../io/torch_writer.ts";
import { readGolden, readGoldenJson, runtimes } from "../models/golden.ts";
import { withHubCache, withTinyModel } from "./tiny_model.ts";

const PUBLISHED = ["aesthetic", "pickscore", "hpsv2", "imagereward"];
const prompts = ["a cat", "two small dogs", "bees"];
const images = tensor([3, 8, 8, 3], uniforms(key(5), 3 * 192));

Deno.test("the published rewards are read from files of the published kinds", async () => {
  await withPublishedRewards(async (model) => {
    const pipeline = await loadPipeline(interpreter(), model, { rewards: PUBLISHED });
    const { rewards } = pipeline;
    const scores = Object.fromEntries(
      await Promise.all(
        Object.values(rewards).map(async (reward) =>
          [reward.name, await reward.score(images, prompts)] as const
        ),
      ),
    );
    for (const name of PUBLISHED) {
      assertEquals(new Set(scores[name]).size, 3, name);
      const other = await rewards[name]!.score(images, prompts.toReversed());
      if (name === "aesthetic") assertEquals(other, scores[name]);
      else assertNotEquals(other, scores[name], name);
    }
    // One has the other's weights under OpenCLIP's names.
    assertEquals(scores.hpsv2, scores.pickscore);
    const onGpu = await loadPipeline(runtimes[1]!.runtime, model, { rewards: PUBLISHED });
    for (const [name, reward] of Object.entries(onGpu.rewards)) {
      (await reward.score(images, prompts)).forEach((score, i) =>
        assertAlmostEquals(score, scores[name]![i]!, 1e-4)
      );
    }
    await onGpu.free();
    const { images: look, texts: read } = await loadEmbedder(pipeline, "pickscore");
    const [pictures, texts] = [(await look(images)).data, (await read(prompts)).data];
    scores.pickscore!.forEach((score, n) => {
      const cosine = Array.from({ length: 12 }, (_, d) => pictures[12 * n + d]! * texts[12 * n + d]!);
      assertAlmostEquals(score, cosine.reduce((sum, x) => sum + x, 0), 1e-5);
    });
    await pipeline.free();
  });
});

Deno.test("the critic looks through the training reward's own tower", async () => {
  await withPublishedRewards(async (model) => {
    const { critic } = await readConfig({});
    const towers = {
      aesthetic: "clip_l",
      pickscore: "pickscore",
      hpsv2: "hpsv2",
      imagereward: "clip_l",
    } as const;
    for (const [reward, tower] of Object.entries(towers)) {
      const runtime = interpreter();
      const { models, judges, free } = await loadPipeline(runtime, model, {
        critic: { config: critic, reward },
        rewards: [reward],
      });
      const shared = (await judges.tower(tower)).weights;
      const weights = models.sight.parts.encoder!;
      for (const [name, array] of Object.entries(shared)) {
        assertStrictEquals(weights[name], array);
      }
      const tables = Object.keys(weights).filter((name) => !(name in shared));
      assertEquals(tables, ["pixels.rows", "pixels.columns", "pixels.levels"]);
      assert(Object.keys(shared).every((name) => !name.startsWith("text_")), "the tower holds no text");
      const { build } = towerOf(await judges.towerFor(tower, images.shape[1]!));
      const graph = trace(({ images, ...params }) => ({ seen: build(bindParams(params), images!) }), {
        ...weights,
        images,
      });
      const { seen } = (await runtime.compile(graph)).run({ ...weights, images });
      const { config } = await judges.tower(tower);
      const look = await imageEmbedder(config, { runtime, weights, batchSize: 1 });
      assertEquals((await runtime.get([seen!]))[0]!.data, (await look.images(images)).data);
      await free();
    }
  });
});

Deno.test("diversity is seen by a tower that the training reward does not look through, if there is one", async () => {
  await withPublishedRewards(async (model) => {
    const read = async (train: string, ...watched: string[]) => {
      const pipeline = await loadPipeline(interpreter(), model);
      const { images: look } = await loadOnlooker(pipeline, model, { train: [train], watched });
      assertEquals((await look(images)).shape[0], 3);
      return Object.keys(pipeline.judges.files()).join();
    };
    assertEquals(await read("pickscore", "aesthetic"), "rewards/gold/model.safetensors");
    for (const name of ["gold", "mini_pick"]) {
      await Deno.remove(join(model, "rewards", name), { recursive: true });
    }
    assertEquals(await read("pickscore", "hpsv2", "aesthetic"), "rewards/clip_l/model.safetensors");
    assertEquals(await read("aesthetic", "imagereward", "hpsv2"), "rewards/hpsv2/HPS_v2_compressed.pt");
    // What nobody watches with is not read to look on.
    assertEquals(await read("aesthetic", "imagereward"), "rewards/clip_l/model.safetensors");
  });
});

Deno.test("what is missing is named: the file, where it comes from, where it was looked for", async () => {
  await withTinyModel(async (model) => {
    await withHubCache(join(model, "cache"), async () => {
      for (const name of ["clip_l", "aesthetic", "pickscore", "hpsv2", "imagereward"] as const) {
        const reward = name === "clip_l" ? "aesthetic" : name;
        if (name === "aesthetic") await writeClip(model);
        const { message } = await assertRejects(
          () => loadPipeline(interpreter(), model, { rewards: [reward] }),
          SyntaxError,
        );
        const { path, origin } = name === "imagereward"
          ? rewardFiles.imagereward_vocabulary
          : rewardFiles[name];
        assertStringIncludes(message, join(model, "rewards", path));
        assertStringIncludes(message, origin);
        if (name !== "aesthetic") assertStringIncludes(message, join(model, "cache"));
        assertEquals(message.split("\n").length, 1, message);
      }
    });
  });
});

Deno.test("a file is also found in the cache of the Hugging Face hub", async () => {
  await withTinyModel(async (model) => {
    const cache = join(model, "cache");
    const repository = join(cache, "models--xswu--HPSv2");
    const snapshot = join(repository, "snapshots", "a".repeat(40));
    await Deno.mkdir(snapshot, { recursive: true });
    await Deno.mkdir(join(repository, "refs"));
    await Deno.writeTextFile(join(repository, "refs", "main"), "a".repeat(40));
    await withHubCache(cache, async () => {
      assertEquals((await availableRewards(model)).missing.hpsv2, "rewards/hpsv2/HPS_v2_compressed.pt");
      await Deno.writeTextFile(join(snapshot, "HPS_v2_compressed.pt"), "");
      assertEquals(await findRewardFile(model, "hpsv2"), { found: join(snapshot, "HPS_v2_compressed.pt") });
      assertEquals((await availableRewards(model)).missing.hpsv2, "tokenizer of 49408 tokens");
      await write(model, "rewards/hpsv2/HPS_v2_compressed.pt", new Uint8Array());
      assertEquals(await findRewardFile(model, "hpsv2"), {
        found: join(model, "rewards/hpsv2/HPS_v2_compressed.pt"),
      });
    });
  });
});

Deno.test("official scales are those of the authors' packages", () => {
  const official = (name: string, score: number) => officialScore(rewardCatalogue[name]!.official!, score);
  assertAlmostEquals(official("pickscore", 0.21), 21, 1e-9);
  assertAlmostEquals(official("hpsv2", 0.2745), 27.45, 1e-9);
  assertAlmostEquals(official("imagereward", 0.16717362830052426), 0, 1e-12);
  assertAlmostEquals(official("imagereward", 0.16717362830052426 + 1.0333394966054072), 1, 1e-12);
  assertEquals(rewardCatalogue.aesthetic!.official, undefined);
});

/** A tiny model whose folder has all four, of tiny towers. */
async function withPublishedRewards(use: (model: string) => Promise<void>): Promise<void> {
  await withTinyModel(async (model) => {
    const { tree, config } = await writeClip(model);
    const json = new TextEncoder().encode(JSON.stringify(config));
    const head = initParams(declareHead("aesthetic", 12), key(3));
    await write(model, "rewards/aesthetic/sac+logos+ava1-l14-linearMSE.pth", torchFileOf(head));
    await write(model, "rewards/pickscore/config.json", json);
    await write(model, "rewards/pickscore/model.safetensors", writeSafetensors(converted(tree)));
    await write(model, "rewards/hpsv2/config.json", json);
    await write(model, "rewards/hpsv2/HPS_v2_compressed.pt", torchFileOf(tree, "state_dict"));
    await writeImageReward(model);
    await use(model);
  });
}

/** Tiny towers as `clip_l`; returned with OpenCLIP's names. */
async function writeClip(model: string): Promise<{ tree: ParamTree; config: unknown }> {
  const { text_config, ...others } = (await readGoldenJson("open_clip_quick")).config as Record<
    string,
    object
  >;
  const config = {
    ...others,
    text_config: { ...text_config, vocab_size: 1024, max_position_embeddings: 16, eos_token_id: 1023 },
  };
  const tree = {
    ...await readGolden("open_clip_quick.weights"),
    "token_embedding.weight": random([1024, 32], 1),
    "positional_embedding": random([16, 32], 2),
  };
  await write(model, "rewards/clip_l/config.json", new TextEncoder().encode(JSON.stringify(config)));
  await write(model, "rewards/clip_l/model.safetensors", writeSafetensors(converted(tree)));
  return { tree, config };
}

async function writeImageReward(model: string): Promise<void> {
  const config = (await readGoldenJson("imagereward_small")).config as Record<string, object>;
  const text_config = { ...config.text_config, max_position_embeddings: 35 };
  const tree = {
    ...await readGolden("imagereward_small.weights"),
    "blip.text_encoder.embeddings.position_embeddings.weight": random([35, 16], 3),
    "blip.vision_proj.weight": random([4, 16], 4),
    "blip.text_proj.bias": random([4], 5),
  };
  const vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ..."abcdefghijklmnopqrstuvwxy", ..."01234567"];
  await write(
    model,
    "rewards/imagereward/config.json",
    new TextEncoder().encode(JSON.stringify({ ...config, text_config })),
  );
  await write(model, "rewards/imagereward/ImageReward.pt", torchFileOf(tree));
  await write(model, "rewards/imagereward/vocab.txt", new TextEncoder().encode(vocab.join("\n")));
}

function converted(tree: ParamTree): ParamTree {
  return Object.fromEntries(
    Object.entries(tree).flatMap(([own, param]) =>
      openClipPieces(own).map((piece) => [piece.name, takePiece(piece, param)])
    ),
  ) as ParamTree;
}

function random(shape: readonly number[], seed: number) {
  return tensor(shape, normals(fold(key(9), seed), size(shape)).map((x) => 0.3 * x));
}

async function write(folder: string, file: string, content: Uint8Array): Promise<void> {
  await Deno.mkdir(join(folder, file, ".."), { recursive: true });
  await Deno.writeFile(join(folder, file), content);
}

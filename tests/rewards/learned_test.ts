import {
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { full, tensor } from "../../lib/core/tensor.ts";
import { key } from "../../lib/core/random.ts";
import { input } from "../../lib/engine/graph.ts";
import { bindParams, declareParams, initParams } from "../../lib/nn/scope.ts";
import { aestheticHead, aestheticLoss, calibrateHead } from "../../lib/rewards/aesthetic_head.ts";
import { imageEmbedder } from "../../lib/rewards/embedder.ts";
import { rewardCatalogue } from "../../lib/rewards/catalogue.ts";
import { miniAesthetic } from "../../lib/rewards/mini_aesthetic.ts";
import { miniHps } from "../../lib/rewards/mini_hps.ts";
import { miniPick } from "../../lib/rewards/mini_pick.ts";
import { convolutionConfig, randomImages, run, toyContext, transformerConfig } from "./toys.ts";

const prompts = ["a cat", "dogs", "one small cow"];
const images = randomImages(3, 71);
const head = initParams(declareParams((scope) => aestheticHead(scope, input("e", [1, 6]))), key(72));

Deno.test("the aesthetic reward is its head on its tower, and blind to prompts", async () => {
  const context = toyContext(transformerConfig, 2);
  const reward = await miniAesthetic(context, transformerConfig.vision_config);
  const scores = await reward.score(images, prompts);
  const embeddings = await (await imageEmbedder(transformerConfig.vision_config, context)).images(images);
  const weights = Object.fromEntries(
    await Promise.all(
      Object.keys(head).map(async (
        name,
      ) => [name, (await context.runtime.get([context.weights[name]!]))[0]!]),
    ),
  );
  const expected = run(
    ({ e, ...params }) => aestheticHead(bindParams(params), e!),
    { e: embeddings, ...weights },
  );
  assertEquals(scores, expected.data);
  assertEquals(await reward.score(images, ["", "", ""]), scores);
});

Deno.test("calibration gives the head's scores the mean and deviation asked for", () => {
  const embeddings = tensor([4, 6], Float32Array.from({ length: 24 }, (_, i) => Math.sin(i * i)));
  const score = (weights: typeof head) =>
    run(({ e, ...params }) => aestheticHead(bindParams(params), e!), { e: embeddings, ...weights }).data;
  const scores = score(calibrateHead(head, score(head), { mean: 5, std: 2 }));
  const mean = scores.reduce((sum, x) => sum + x, 0) / 4;
  assertAlmostEquals(mean, 5, 1e-5);
  assertAlmostEquals(Math.sqrt(scores.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 4), 2, 1e-4);
  assertThrows(() => calibrateHead(head, full([3], 1).data), RangeError, "all are 1");
});

Deno.test("the head's loss is log 2 where winner and loser are the same", () => {
  const embeddings = tensor([2, 6], Float32Array.from({ length: 12 }, (_, i) => Math.cos(i)));
  const loss = run(({ e, ...params }) => aestheticLoss(bindParams(params), e!, e!), {
    e: embeddings,
    ...head,
  });
  assertAlmostEquals(loss.data[0]!, Math.LN2, 1e-6);
});

Deno.test("the judges of fit see the prompt, each with its own tower", async () => {
  const pick = await miniPick(toyContext(convolutionConfig, 2), convolutionConfig);
  const hps = await miniHps(toyContext(transformerConfig, 2), transformerConfig);
  for (const reward of [pick, hps]) {
    const scores = await reward.score(images, prompts);
    assertEquals(scores.length, 3);
    assertEquals(await reward.score(images, prompts), scores);
    assertNotEquals((await reward.score(images, ["a cat", "dogs", "a cat"]))[2], scores[2], reward.name);
  }
});

Deno.test("images of NaN have no score", async () => {
  const reward = await miniPick(toyContext(convolutionConfig, 2), convolutionConfig);
  const broken = tensor(images.shape, images.data.map((x, i) => i === 200 ? NaN : x));
  await assertRejects(() => reward.score(broken, prompts), RangeError, "mini_pick as its score of image 1");
});

Deno.test("the catalogue knows what each reward needs", () => {
  const trained = Object.values(rewardCatalogue).filter(({ needs }) => needs.includes("weights"));
  assertEquals(trained.map(({ name }) => name), [
    ...["mini_aesthetic", "mini_pick", "mini_hps", "gold"],
    ...["aesthetic", "pickscore", "hpsv2", "imagereward"],
  ]);
  assertEquals(rewardCatalogue.mini_aesthetic!.needs, ["weights"]);
  for (const [name, info] of Object.entries(rewardCatalogue)) {
    assertEquals(info.name, name);
    assertLess(info.scale.range[0], info.scale.range[1], name);
  }
});

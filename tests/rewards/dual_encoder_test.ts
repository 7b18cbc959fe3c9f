import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { pickRows } from "../../lib/core/rows.ts";
import { type FloatTensor, tensor } from "../../lib/core/tensor.ts";
import { input } from "../../lib/engine/graph.ts";
import { clip } from "../../lib/models/clip.ts";
import { textEnds } from "../../lib/models/clip_text.ts";
import { declareParams } from "../../lib/nn/scope.ts";
import { batchedModel } from "../../lib/rewards/batched.ts";
import { dualEncoderLoss, fit, parseDualEncoderConfig } from "../../lib/rewards/dual_encoder.ts";
import { embedder, fitter } from "../../lib/rewards/embedder.ts";
import {
  goldClipConfig,
  miniClipConfig,
  miniHpsConfig,
  miniPickConfig,
} from "../../lib/rewards/mini_configs.ts";
import type { ClipConfig } from "../../lib/models/clip_config.ts";
import { convolutionConfig, randomImages, tokenize, toyContext, transformerConfig } from "./toys.ts";

const prompts = ["a cat", "dogs", "one small cow", "a goat", "bees"];
const images = randomImages(5, 61);

for (const [kind, config] of Object.entries({ transformerConfig, convolutionConfig })) {
  Deno.test(`${kind}: results do not depend on what is computed together`, async () => {
    const one = await fitter(config, toyContext(config, 1));
    const three = await fitter(config, toyContext(config, 3));
    const alone = await one(images, prompts);
    assertEquals(alone.shape, [5, 1]);
    assertEquals((await three(images, prompts)).data, alone.data);
    assertEquals((await three(pickRows(images, [4]), [prompts[4]!])).data[0], alone.data[4]);
    assertEquals(new Set(alone.data).size, 5);
  });

  Deno.test(`${kind}: embeddings have length 1, and the fit is their cosine times the scale`, async () => {
    const context = toyContext(config, 2);
    const towers = await embedder(config, context);
    const pictures = await towers.images(images), texts = await towers.texts(prompts);
    const fits = await (await fitter(config, context))(images, prompts);
    const width = pictures.shape[1]!;
    const dot = (a: FloatTensor, b: FloatTensor, n: number) =>
      Array.from({ length: width }, (_, d) => a.data[n * width + d]! * b.data[n * width + d]!)
        .reduce((x, y) => x + y);
    for (let n = 0; n < 5; n++) {
      assertAlmostEquals(dot(pictures, pictures, n), 1, 1e-5);
      assertAlmostEquals(dot(texts, texts, n), 1, 1e-5);
      assertAlmostEquals(fits.data[n]!, dot(pictures, texts, n) / 0.07, 1e-3);
    }
  });

  Deno.test(`${kind}: several images of one prompt are scored as if each had its own`, async () => {
    const context = toyContext(config, 1);
    const ids = tokenize(["a cat"]);
    const group = await batchedModel((scope, inputs) => fit(scope, config, inputs), {
      images: { shape: [3, 8, 8, 3], dtype: "f32" },
      ids,
      ends: { shape: [1], dtype: "u32" },
    }, context);
    const three = pickRows(images, [0, 1, 2]);
    const together = await group(1, () => ({ images: three, ids, ends: textEnds(ids, config.text_config) }));
    const apart = await (await fitter(config, context))(three, ["a cat", "a cat", "a cat"]);
    assertEquals(together.shape, [1, 3]);
    assertEquals(together.data, apart.data);
  });
}

Deno.test("a dual encoder of transformers is CLIP", async () => {
  const context = toyContext(transformerConfig, 5);
  const ids = tokenize(prompts);
  const clipConfig = { ...transformerConfig, projection_dim: 6 } as ClipConfig;
  const logits = await batchedModel(
    (scope, { ids, ends, images }) => clip(scope, clipConfig, { ids, ends, images }).logits,
    { ids, ends: { shape: [5], dtype: "u32" }, images },
    context,
  );
  const ends = textEnds(ids, transformerConfig.text_config);
  const all = await logits(
    5,
    () => ({ ids, ends, images: tensor(images.shape, images.data.map((x) => 2 * x - 1)) }),
  );
  const fits = await (await fitter(transformerConfig, context))(images, prompts);
  for (let n = 0; n < 5; n++) assertAlmostEquals(fits.data[n]!, all.data[6 * n]!, 1e-4);
});

Deno.test("the contrastive loss of new towers is about that of a guess", async () => {
  const context = toyContext(convolutionConfig, 5);
  const ids = tokenize(prompts);
  const loss = await batchedModel(
    (scope, inputs) => dualEncoderLoss(scope, convolutionConfig, inputs),
    { ids, ends: { shape: [5], dtype: "u32" }, images, concepts: { shape: [5], dtype: "f32" } },
    { ...context, batchSize: 1 },
  );
  const ends = textEnds(ids, convolutionConfig.text_config);
  const result = await loss(1, () => ({ ids, ends, images, concepts: tensor([5], [0, 1, 2, 3, 4]) }));
  assertGreater(result.data[0]!, 0.5);
});

Deno.test("the towers of the embedded model have the sizes they were designed with, no two the same", () => {
  const inputs = {
    images: input("images", [1, 32, 32, 3]),
    ids: input("ids", [1, 16], "u32"),
    ends: input("ends", [1], "u32"),
  };
  const counts = [miniClipConfig, miniPickConfig, miniHpsConfig, goldClipConfig].map((config) => {
    const specs = declareParams((scope) => fit(scope, config, inputs));
    assert(specs.some(({ name }) => name === "logit_scale"));
    return specs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  });
  assertEquals(counts, [803905, 821281, 338497, 1158529]);
});

Deno.test("what does not fit is refused with its name", async () => {
  assertThrows(
    () =>
      parseDualEncoderConfig({ text_config: { projection_dim: 8 }, vision_config: { projection_dim: 9 } }),
    RangeError,
    "8 and 9",
  );
  const { weights, ...context } = toyContext(transformerConfig, 2);
  const { logit_scale: _, ...lacking } = weights;
  await assertRejects(
    () => fitter(transformerConfig, { ...context, weights: lacking }),
    TypeError,
    "logit_scale is missing",
  );
  const score = await fitter(transformerConfig, { ...context, weights });
  await assertRejects(() => score(images, ["a cat"]), TypeError, "1 prompts");
});

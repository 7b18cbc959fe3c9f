import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { fold, key, normals } from "../../lib/core/random.ts";
import { type FloatTensor, full, tensor } from "../../lib/core/tensor.ts";
import { grad, sum } from "../../lib/engine/mod.ts";
import { clipPixels } from "../../lib/models/pixel_values.ts";
import { analyticRewards } from "../../lib/rewards/analytic.ts";
import { checkDifferentiable, differentiableRewards, rewardCatalogue } from "../../lib/rewards/catalogue.ts";
import { gold } from "../../lib/rewards/gold.ts";
import { miniAesthetic } from "../../lib/rewards/mini_aesthetic.ts";
import { miniHps } from "../../lib/rewards/mini_hps.ts";
import { miniPick } from "../../lib/rewards/mini_pick.ts";
import { pickscore } from "../../lib/rewards/pickscore.ts";
import type { Reward } from "../../lib/rewards/reward.ts";
import { floats } from "../../lib/stages/rows.ts";
import { bindWeights, compileBound } from "../../lib/stages/weights.ts";
import { assertClose } from "../assert_close.ts";
import { convolutionConfig, randomImages, toyContext, transformerConfig } from "./toys.ts";

const prompts = ["a cat", "dogs", "one small cow"];
// No dark colours, whose saturation changes fast.
const images = tensor([3, 8, 8, 3], randomImages(3, 71).data.map((x) => 0.2 + 0.6 * x));
const { runtime } = toyContext(transformerConfig, 2);
const moments = { mean: 0.4, std: 0.8 };
const published = {
  ...transformerConfig,
  vision_config: { ...transformerConfig.vision_config, pixels: { ...clipPixels, size: 8 } },
};
const rewards: readonly Reward[] = [
  ...analyticRewards.filter(({ graph }) => graph !== undefined),
  await miniAesthetic(toyContext(transformerConfig, 2), transformerConfig.vision_config),
  await miniPick(toyContext(convolutionConfig, 2), convolutionConfig),
  await miniHps(toyContext(transformerConfig, 2), transformerConfig),
  await gold({
    ...toyContext(transformerConfig, 2),
    statistics: {
      colourfulness: { mean: 90, std: 20 },
      sharpness: { mean: 300, std: 60 },
      symmetry: moments,
      border_ink: moments,
      alignment: moments,
    },
  }, transformerConfig),
];

for (const reward of rewards) {
  Deno.test(`${reward.name}: its graph gives its score, and the gradient what the score gains`, async () => {
    const score = (images: FloatTensor) => reward.score(images, prompts);
    const { scores, gradient } = await differentiated(reward, images);
    assertClose(scores, await score(images), 1e-5, "scores");
    const along = tensor(images.shape, normals(fold(key(5), reward.name), images.data.length));
    const slope = gradient.reduce((sum, x, i) => sum + x * along.data[i]!, 0);
    const totalAt = async (length: number) => {
      const moved = tensor(images.shape, images.data.map((x, i) => x + length * along.data[i]!));
      return (await score(moved)).reduce((sum, x) => sum + x, 0);
    };
    const h = 2 ** -13;
    const found = (await totalAt(h) - await totalAt(-h)) / (2 * h);
    // A normal direction's slope deviates by the gradient's length.
    const length = Math.hypot(...gradient as Float32Array);
    assertGreater(length, 0);
    assertLess(Math.abs(found - slope), 0.02 * length, `slope ${found} for ${slope}, length ${length}`);
  });
}

Deno.test("what is rounded to bytes has their scores, and a gradient all the same", async () => {
  const reward = await pickscore(toyContext(published, 2), published);
  const larger = tensor([3, 16, 12, 3], normals(key(6), 3 * 576).map((x) => 0.5 + 0.2 * x));
  const { scores, gradient } = await differentiated(reward, larger);
  assertEquals(scores, await reward.score(larger, prompts));
  const beyond = larger.data.map((x) => Number(x < 0 || x > 1));
  assert(
    beyond.includes(1) && gradient.every((x, i) => beyond[i] === 0 || x === 0),
    "none beyond black and white",
  );
  // Along its gradient the score rises as far as the gradient says, in steps of many levels.
  const length = 0.05 / Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0));
  const totalAt = async (sign: number) => {
    const moved = tensor(larger.shape, larger.data.map((x, i) => x + sign * length * gradient[i]!));
    return (await reward.score(moved, prompts)).reduce((sum, x) => sum + x, 0);
  };
  const expected = 2 * length * gradient.reduce((sum, x) => sum + x * x, 0);
  assertClose([await totalAt(1) - await totalAt(-1)], [expected], 0.1, "rise");
});

Deno.test("where a measure has no slope its gradient is finite", async () => {
  for (const { name, graph, ...reward } of rewards.slice(0, 7)) {
    for (const value of [0, 0.5, 1]) {
      const { gradient } = await differentiated(
        { ...reward, name, graph: graph! },
        full([3, 8, 8, 3], value),
      );
      assert(gradient.every(Number.isFinite), `${name} of ${value}`);
    }
  }
});

Deno.test("rewards say whether they have a gradient, and the others are refused with those that have", () => {
  const names = rewards.map(({ name }) => name);
  assertEquals(names.filter((name) => !rewardCatalogue[name]!.isDifferentiable), []);
  assertEquals(
    differentiableRewards().filter((name) => !names.includes(name)),
    ["aesthetic", "pickscore", "hpsv2", "imagereward"],
  );
  checkDifferentiable("draft", rewardCatalogue.gold!);
  const error = assertThrows(
    () => checkDifferentiable("draft", rewardCatalogue.jpeg_compressibility!),
    RangeError,
  );
  for (const word of ["draft", "jpeg_compressibility", "mini_aesthetic", "colourfulness"]) {
    assert(error.message.includes(word), error.message);
  }
});

/** Scores, and the gradient of their sum. */
async function differentiated({ graph }: Reward, images: FloatTensor) {
  const { weights, inputs, build } = graph!;
  const given = inputs(prompts, images.shape);
  const bound = bindWeights({ reward: weights }, { ...given, images }, ({ reward }, values) => {
    const scores = build(reward, values.images!, values);
    return { scores, gradient: grad(sum(scores), [values.images!])[0]! };
  });
  const weighted = Object.values(bound.weights)[0]?.runtime ?? runtime;
  const program = await compileBound(weighted, bound);
  const { scores, gradient } = program.run({ ...given, images });
  const [a, b] = (await weighted.get([scores!, gradient!])).map(floats);
  return { scores: a!.data, gradient: b!.data };
}

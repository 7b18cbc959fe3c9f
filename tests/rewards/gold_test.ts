import { assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";
import { pickRows } from "../../lib/core/rows.ts";
import { full } from "../../lib/core/tensor.ts";
import {
  gold,
  goldScores,
  goldStatistics,
  hump,
  imageTerms,
  parseGoldStatistics,
} from "../../lib/rewards/gold.ts";
import { fitter } from "../../lib/rewards/embedder.ts";
import { randomImages, toyContext, transformerConfig } from "./toys.ts";

Deno.test("the hump starts like a line, is highest at 1.5 and ends at -1.5", () => {
  assertEquals(hump(0), 0);
  assertAlmostEquals((hump(1e-4) - hump(-1e-4)) / 2e-4, 1, 1e-6);
  assertAlmostEquals(hump(1.5), 1.5 * (Math.sqrt(Math.E) - 1), 1e-12);
  assertAlmostEquals(hump(3), 0, 1e-12);
  assertAlmostEquals(hump(40), -1.5, 1e-12);
  assertAlmostEquals(hump(-40), -1.5, 1e-12);
});

Deno.test("the gold by hand", () => {
  const unit = { mean: 0, std: 1 };
  const statistics = {
    colourfulness: { mean: 80, std: 20 },
    sharpness: unit,
    symmetry: { mean: 0.5, std: 0.25 },
    border_ink: { mean: 0.1, std: 0.1 },
    alignment: { mean: 3, std: 2 },
  };
  const terms = {
    colourfulness: Float32Array.of(110, 80),
    sharpness: Float32Array.of(0, 3),
    symmetry: Float32Array.of(0.75, 0.5),
    border_ink: Float32Array.of(0.1, 0.3),
  };
  const looks = goldScores(terms, statistics);
  assertAlmostEquals(looks[0]!, 1.5 * (Math.sqrt(Math.E) - 1) + 2, 1e-5);
  assertAlmostEquals(looks[1]!, -3, 1e-5);
  const all = goldScores({ ...terms, alignment: Float32Array.of(5, 2) }, statistics);
  assertAlmostEquals(all[0]!, looks[0]! + 2, 1e-5);
  assertAlmostEquals(all[1]!, looks[1]! - 1, 1e-5);
});

Deno.test("statistics are the terms' moments and survive JSON", () => {
  const terms = { ...imageTerms(randomImages(5, 51)), alignment: Float32Array.of(1, 2, 3, 4, 5) };
  const statistics = goldStatistics(terms);
  assertAlmostEquals(statistics.alignment!.mean, 3, 1e-12);
  assertAlmostEquals(statistics.alignment!.std, Math.SQRT2, 1e-12);
  assertEquals(parseGoldStatistics(JSON.parse(JSON.stringify(statistics))), statistics);
  assertThrows(() => parseGoldStatistics({ ...statistics, symmetry: { mean: 1 } }), TypeError, "symmetry");
  assertThrows(() => goldStatistics(imageTerms(full([2, 8, 8, 3], 1))), RangeError, "colourfulness");
  const { alignment: _, ...looksOnly } = statistics;
  assertThrows(() => goldScores(terms, looksOnly), TypeError, "no alignment");
});

Deno.test("more colour pleases only up to a point", () => {
  const images = randomImages(20, 52);
  const statistics = goldStatistics(imageTerms(images));
  const terms = imageTerms(pickRows(images, [0, 0, 0]));
  const { mean, std } = statistics.colourfulness;
  const colourfulness = Float32Array.from([0, 1.5, 6], (z) => mean + z * std);
  const [base, more, most] = goldScores({ ...terms, colourfulness }, statistics);
  assertLess(base!, more!);
  assertLess(most!, base!);
});

Deno.test("the reward is its terms and its CLIP together", async () => {
  const images = randomImages(3, 54), prompts = ["a cat", "a dog", "a cow"];
  const context = toyContext(transformerConfig, 2);
  const fits = await fitter(transformerConfig, context);
  const terms = { ...imageTerms(images), alignment: (await fits(images, prompts)).data };
  const statistics = goldStatistics(terms);
  const reward = await gold({ ...context, statistics }, transformerConfig);
  assertEquals(await reward.score(images, prompts), goldScores(terms, statistics));
});

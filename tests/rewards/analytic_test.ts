import { assertEquals, assertGreater, assertRejects } from "@std/assert";
import { pickRows } from "../../lib/core/rows.ts";
import { full, tensor } from "../../lib/core/tensor.ts";
import { key, uniforms } from "../../lib/core/random.ts";
import { analyticRewards } from "../../lib/rewards/analytic.ts";
import { jpegKilobytes } from "../../lib/rewards/jpeg_kilobytes.ts";
import { randomImages } from "./toys.ts";

const byName = Object.fromEntries(analyticRewards.map((reward) => [reward.name, reward]));

Deno.test("every analytic reward scores an image by itself, the same every time", async () => {
  const images = randomImages(3, 7);
  const prompts = ["a cat", "a dog", "a cow"];
  for (const reward of analyticRewards) {
    const together = await reward.score(images, prompts);
    const alone = await reward.score(pickRows(images, [1]), ["a horse"]);
    assertEquals(together.length, 3, reward.name);
    assertEquals(alone[0], together[1], reward.name);
  }
  assertEquals(Object.keys(byName).length, analyticRewards.length);
});

Deno.test("noise makes larger files than nothing, and compressibility is the same the other way round", async () => {
  const images = tensor(
    [2, 32, 32, 3],
    Float32Array.from([...full([3072], 1).data, ...uniforms(key(8), 3072)]),
  );
  const large = await byName.jpeg_incompressibility!.score(images, ["", ""]);
  const small = await byName.jpeg_compressibility!.score(images, ["", ""]);
  assertGreater(large[1]!, 5 * large[0]!);
  assertEquals(small, large.map((kilobytes) => -kilobytes));
});

Deno.test("a small image counts as one of 128 pixels with every pixel repeated", () => {
  const data = uniforms(key(9), 32 * 32 * 3);
  const enlarged = Float32Array.from({ length: 128 * 128 * 3 }, (_, i) => {
    const [row, column] = [Math.floor(i / 384), Math.floor(i / 3) % 128];
    return data[3 * (32 * (row >> 2) + (column >> 2)) + i % 3]!;
  });
  assertEquals(
    jpegKilobytes({ height: 32, width: 32, data }),
    jpegKilobytes({ height: 128, width: 128, data: enlarged }),
  );
});

Deno.test("what is no image or has no prompt is refused", async () => {
  const images = randomImages(2, 10);
  const reward = byName.brightness!;
  await assertRejects(() => reward.score(images, ["a cat"]), TypeError, "1 prompts");
  await assertRejects(() => reward.score(full([2, 8, 8, 4], 1), ["", ""]), TypeError, "[2, 8, 8, 4]");
  const broken = tensor(images.shape, images.data.map((x, i) => i === 300 ? NaN : x));
  for (const each of analyticRewards) {
    await assertRejects(() => each.score(broken, ["", ""]), RangeError, "not finite", each.name);
  }
});

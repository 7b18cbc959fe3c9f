import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { key } from "../../../lib/core/random.ts";
import {
  augment,
  type Augmentation,
  backgroundNames,
  MILD,
  pastels,
  PLAIN,
  STRONG,
} from "../../../pipelines/data/augment.ts";
import { type EmojiImage, type EmojiPack, IMAGE_BYTES, SIZE } from "../../../pipelines/data/pack.ts";

const PIXELS = SIZE * SIZE;

/** Image 0: one red pixel at row 3, column 5. Image 1: everything half transparent blue. */
const pack: EmojiPack = makePack();

Deno.test("the plain image is composited on white", () => {
  const [dot, glass] = images(augment(pack, [0, 1], key(0), PLAIN));
  assertEquals(at(dot!, 3, 5), [1, 0, 0]);
  assertEquals(dot!.filter((value) => value !== 1).length, 2);
  const alpha = 128 / 255;
  at(glass!, 9, 9).forEach((value, c) => assertAlmostEquals(value, c === 2 ? 1 : 1 - alpha, 1e-6));
});

Deno.test("flip and shift move whole pixels", () => {
  const [flipped] = images(augment(pack, [0], key(0), { ...PLAIN, flip: 1 }));
  assertEquals(at(flipped!, 3, SIZE - 1 - 5), [1, 0, 0]);
  const seen = new Set<string>();
  for (const image of images(augment(pack, Array(300).fill(0), key(1), { ...PLAIN, shift: 2 }))) {
    const pixel = Array.from({ length: PIXELS }, (_, i) => i).find((i) => image[3 * i + 1] === 0)!;
    seen.add([Math.floor(pixel / SIZE) - 3, pixel % SIZE - 5].join());
  }
  assertEquals(seen.size, 25);
  assert(
    [...seen].every((shift) => shift.split(",").every((value) => Math.abs(Number(value)) <= 2)),
    [...seen].join(" "),
  );
});

Deno.test("scaling keeps the colour and changes the area", () => {
  const glass = (scale: number) => augment(pack, [1], key(0), { ...PLAIN, scale: [scale, scale] });
  const covered = glass(0.5).filter((value, i) => i % 3 === 0 && value < 0.75).length;
  assertEquals(covered, PIXELS / 4);
  assertEquals(at(glass(0.5), 16, 16), at(glass(1), 16, 16));
});

Deno.test("an image depends on the key and its position alone", () => {
  const batch = augment(pack, [0, 1, 1], key(7), STRONG);
  assertEquals(augment(pack, [0, 1, 1], key(7), STRONG), batch);
  assertEquals(images(augment(pack, [1, 0, 1, 0], key(7), STRONG))[2], images(batch)[2]);
  assertNotEquals(augment(pack, [0, 1, 1], key(8), STRONG), batch);
});

Deno.test("values stay in [0, 1] and noise within its width", () => {
  const plain = augment(pack, [1], key(2), PLAIN);
  const noisy = augment(pack, [1], key(2), { ...PLAIN, noise: 0.02 });
  const largest = Math.max(...noisy.map((value, i) => Math.abs(value - plain[i]!)));
  assert(largest > 0.015 && largest <= 0.02 + 1e-6, `seed 2: largest change ${largest}`);
  const strong = augment(pack, Array(64).fill(1), key(3), { ...STRONG, noise: 0.5, gain: 0.5 });
  assert(strong.every((value) => value >= 0 && value <= 1));
});

Deno.test("a cutout shows the background", () => {
  const [image] = images(augment(pack, [1], key(4), { ...PLAIN, cutout: 1 }));
  const white = Array.from({ length: PIXELS }, (_, i) => image![3 * i] === 1).filter(Boolean).length;
  assertEquals(white, 64);
});

Deno.test("backgrounds are those that are named", () => {
  const names = backgroundNames(key(5), 2000, MILD);
  const white = names.filter((name) => name === null).length / names.length;
  assert(Math.abs(white - 0.85) < 0.03, `seed 5: ${white} of the backgrounds are white`);
  assertEquals(new Set(names).size, 1 + Object.keys(pastels).length);
  const options: Augmentation = { ...PLAIN, white: 0.5 };
  const batch = images(augment(pack, Array(40).fill(0), key(5), options));
  backgroundNames(key(5), 40, options).forEach((name, b) => {
    const colour = name === null ? [1, 1, 1] : pastels[name]!;
    assertEquals(at(batch[b]!, 20, 20), [...Float32Array.from(colour)]);
  });
});

function makePack(): EmojiPack {
  const pixels = new Uint8Array(2 * IMAGE_BYTES);
  pixels.set([255, 0, 0, 255], (3 * SIZE + 5) * 4);
  for (let i = 0; i < PIXELS; i++) pixels.set([0, 0, 255, 128], IMAGE_BYTES + 4 * i);
  const image: EmojiImage = { concept: "1f300", label: "", vendor: "", group: "food-drink", animal: null };
  return { images: [image, image], pixels };
}

function images(batch: Float32Array): Float32Array[] {
  return Array.from(
    { length: batch.length / (3 * PIXELS) },
    (_, b) => batch.slice(3 * PIXELS * b, 3 * PIXELS * (b + 1)),
  );
}

function at(image: Float32Array, y: number, x: number): number[] {
  return [...image.subarray(3 * (y * SIZE + x), 3 * (y * SIZE + x) + 3)];
}

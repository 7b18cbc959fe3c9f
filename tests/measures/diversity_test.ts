import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { tensor } from "../../lib/core/tensor.ts";
import { key, normals } from "../../lib/core/random.ts";
import { diversity, retrieval } from "../../lib/measures/diversity.ts";

const tol = 1e-6;

Deno.test("diversity within and between prompts, by hand", () => {
  // Two cats at a right angle; two dogs alike, opposite to the first cat.
  const embeddings = tensor([4, 2], [1, 0, 0, 1, -1, 0, -1, 0]);
  const { within, between } = diversity(embeddings, ["cat", "cat", "dog", "dog"]);
  assertAlmostEquals(within, (1 + 0) / 2, tol);
  assertAlmostEquals(between, (2 + 2 + 1 + 1) / 4, tol);
});

Deno.test("diversity is the mean over pairs", () => {
  const [count, width, seed] = [12, 5, 41];
  const raw = normals(key(seed), count * width);
  const rows = Array.from({ length: count }, (_, n) => {
    const row = [...raw.slice(n * width, (n + 1) * width)];
    const length = Math.hypot(...row);
    return row.map((x) => x / length);
  });
  const distances: number[] = [];
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) distances.push(1 - rows[i]!.reduce((sum, x, d) => sum + x * rows[j]![d]!, 0));
  }
  const { within, between } = diversity(tensor([count, width], rows.flat()), rows.map(() => "cat"));
  assertAlmostEquals(within, distances.reduce((a, b) => a + b) / distances.length, tol, `seed ${seed}`);
  assertEquals(between, NaN);
});

Deno.test("one image of each prompt has no diversity within", () => {
  const { within, between } = diversity(tensor([2, 2], [1, 0, 0, 1]), ["cat", "dog"]);
  assertEquals(within, NaN);
  assertAlmostEquals(between, 1, tol);
});

Deno.test("images are found by the nearest text, ties are misses", () => {
  const texts = tensor([3, 2], [1, 0, 0, 1, -1, 0]);
  const images = tensor([4, 2], [0.8, 0.6, 0.6, 0.8, -1, 0, Math.SQRT1_2, Math.SQRT1_2]);
  const { accuracy, alignment } = retrieval(images, texts, [0, 0, 2, 1]);
  assertEquals(accuracy, 0.5);
  assertAlmostEquals(alignment, (0.8 + 0.6 + 1 + Math.SQRT1_2) / 4, tol);
});

Deno.test("embeddings that do not fit are refused", () => {
  const images = tensor([2, 2], [1, 0, 0, 1]), texts = tensor([1, 3], [1, 0, 0]);
  assertThrows(() => diversity(images, ["cat"]), TypeError, "1 prompts");
  assertThrows(() => retrieval(images, texts, [0, 0]), TypeError, "[1, 3]");
  assertThrows(() => retrieval(images, images, [0, 2]), RangeError, "number 2");
});

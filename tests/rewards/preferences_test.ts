import { assert, assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";
import { key, normals } from "../../lib/core/random.ts";
import { type Rankings, sampleRankings } from "../../lib/rewards/preferences.ts";

Deno.test("pairs follow Bradley and Terry's odds", () => {
  const scores = Float32Array.of(0, 0.4), count = 4000, seed = 31;
  const { images } = sampleRankings(scores, key(seed), { count, temperature: 0.5 });
  let wins = 0;
  for (let n = 0; n < count; n++) wins += images[2 * n]!;
  const expected = 1 / (1 + Math.exp(-0.4 / 0.5));
  const deviation = Math.sqrt(expected * (1 - expected) / count);
  assertLess(Math.abs(wins / count - expected), 4 * deviation, `seed ${seed}: ${wins} of ${count}`);
});

Deno.test("flips turn that share of rankings round", () => {
  const scores = Float32Array.of(0, 1), count = 2000, seed = 32;
  const rankings = sampleRankings(scores, key(seed), { count, temperature: 1e-3, flips: 0.25 });
  assertAlmostEquals(orderedShare(scores, rankings), 0.75, 0.04, `seed ${seed}`);
});

Deno.test("a ranking has different images of one group", () => {
  const groups = Array.from({ length: 23 }, (_, i) => ["a cat", "a dog", "a cow"][i % 3]).concat(
    "a lone goat",
  );
  const scores = normals(key(33), groups.length);
  const { images, size } = sampleRankings(scores, key(34), { count: 200, size: 4, groups });
  const seen = new Set<number>();
  for (let n = 0; n < 200; n++) {
    const ranking = [...images.slice(n * size, (n + 1) * size)];
    assertEquals(new Set(ranking).size, 4, `ranking ${n}: ${ranking}`);
    assertEquals(new Set(ranking.map((image) => groups[image])).size, 1, `ranking ${n}: ${ranking}`);
    ranking.forEach((image) => seen.add(image));
  }
  assertEquals(seen.size, 23);
});

Deno.test("without doubt rankings are in the order of the score", () => {
  const scores = normals(key(35), 30);
  const rankings = sampleRankings(scores, key(36), { count: 100, size: 5, temperature: 1e-4 });
  assertEquals(orderedShare(scores, rankings), 1);
  assertEquals(orderedShare(scores.map((x) => -x), rankings), 0);
  assertEquals(orderedShare(scores.map(() => 2), rankings), 0.5);
});

Deno.test("the same key gives the same rankings, and more of them begin with the same", () => {
  const scores = normals(key(37), 12);
  const few = sampleRankings(scores, key(38), { count: 10 });
  const many = sampleRankings(scores, key(38), { count: 20 });
  assertEquals(many.images.slice(0, 20), few.images);
  assert(many.images.slice(20).some((image, i) => image !== few.images[i]));
});

Deno.test("impossible rankings are refused", () => {
  const scores = Float32Array.of(1, 2, 3);
  assertThrows(() => sampleRankings(scores, key(1), { count: 1, size: 4 }), RangeError, "no group");
  assertThrows(
    () => sampleRankings(scores, key(1), { count: 1, temperature: 0 }),
    RangeError,
    "temperature 0",
  );
  assertThrows(() => sampleRankings(scores, key(1), { count: 1, flips: 1.5 }), RangeError, "flips 1.5");
});

/** The share of pairs that scores order as the rankings do; a tie counts half. */
function orderedShare(scores: ArrayLike<number>, { count, size, images }: Rankings): number {
  let right = 0;
  for (let n = 0; n < count; n++) {
    for (let better = 0; better < size; better++) {
      for (let worse = better + 1; worse < size; worse++) {
        const lead = scores[images[n * size + better]!]! - scores[images[n * size + worse]!]!;
        right += (Math.sign(lead) + 1) / 2;
      }
    }
  }
  return right / (count * size * (size - 1) / 2);
}

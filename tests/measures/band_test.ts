import { assertEquals } from "@std/assert";
import { bandOf } from "../../lib/measures/band.ts";
import { firstAt } from "../../lib/measures/path.ts";

Deno.test("a path is read off where it first reaches a place, and nowhere beyond", () => {
  const path = [[0, 0], [2, 4], [1, 9], [3, 6]] as const;
  const cases = [[-1, 0], [0, 0], [1, 2], [2, 4], [2.5, 6.75], [3, 6], [3.1, null]] as const;
  for (const [x, expected] of cases) assertEquals(firstAt(path, x), expected, `at ${x}`);
  assertEquals(firstAt([], 0), null);
});

Deno.test("a band is the mean and its error at the places that all paths reach", () => {
  const found = bandOf([[[0, 0], [2, 2], [4, 4]], [[0, 0], [1, 3], [3, 7]]]);
  assertEquals(found.map(({ x, mean }) => [x, mean]), [[0, 0], [1, 2], [2, 3.5], [3, 5]]);
  for (const { x, mean, low, high } of found) {
    assertEquals(high - mean, mean - low, `at ${x}`);
    assertEquals(high - mean, [0, 1, 1.5, 2][x]);
  }
  assertEquals(bandOf([[[0, 1], [5, 2]]]), [
    { x: 0, mean: 1, low: 1, high: 1 },
    { x: 5, mean: 2, low: 2, high: 2 },
  ]);
});

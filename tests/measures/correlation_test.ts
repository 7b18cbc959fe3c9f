import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { correlation } from "../../lib/measures/correlation.ts";

Deno.test("a correlation and its interval are those of scipy 1.17.1, pearsonr(x, y).confidence_interval()", () => {
  const cases = [
    [[1, 2, 4, 3.5, 7], [0.25, 1.5, 2, 3, 2.5], [
      0.7111857557911542,
      -0.45922187784232166,
      0.979106564115321,
    ]],
    [[1, 2, 3, 4], [3, 1, 4, -1.5], [-0.5582658662189182, -0.9888130863863982, 0.8691646584149917]],
  ] as const;
  for (const [x, y, expected] of cases) {
    const { coefficient, low, high } = correlation(x, y)!;
    [coefficient, low, high].forEach((found, i) => assertAlmostEquals(found, expected[i]!, 1e-9));
  }
});

Deno.test("a line is correlated without doubt; three pairs, or a quantity that does not vary, tell nothing", () => {
  assertEquals(correlation([0, 1, 2, 3], [1, 3, 5, 7]), { coefficient: 1, low: 1, high: 1 });
  assertEquals(correlation([1, 2, 3], [1, 2, 4]), null);
  assertEquals(correlation([1, 2, 3, 4], [5, 5, 5, 5]), null);
  assertThrows(() => correlation([1, 2], [1]), RangeError, "2 numbers with 1");
});

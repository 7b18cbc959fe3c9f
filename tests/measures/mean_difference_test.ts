import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { studentQuantile } from "../../lib/measures/student_t.ts";
import { paired, welch } from "../../lib/measures/mean_difference.ts";

Deno.test("Student's quantiles are those of scipy 1.17.1, t.ppf((1 + level) / 2, degrees)", () => {
  const cases = [
    [0.95, 1, 12.706204736174694],
    [0.95, 1.3, 7.500529325562029],
    [0.9, 2, 2.9199855803537242],
    [0.975, 3.7, 3.6452778976078735],
    [0.9983, 12.5, 3.976873075388778],
    [0.5, 60, 0.6786007206481355],
    [0.95, 400, 1.9659123432294627],
  ] as const;
  for (const [level, degrees, expected] of cases) {
    assertAlmostEquals(studentQuantile(level, degrees) / expected, 1, 1e-6, `${level}, ${degrees}`);
  }
  for (const [level, degrees] of [[1, 3], [0, 3], [0.9, 0.5]] as const) {
    assertThrows(() => studentQuantile(level, degrees), RangeError, `${level} and ${degrees}`);
  }
});

Deno.test("Welch's interval is that of scipy 1.17.1, ttest_ind(a, b, equal_var=False)", () => {
  const a = [1, 2, 4, 3.5], b = [0.25, -1, 0.5];
  const found = welch(a, b, 0.95)!;
  assertAlmostEquals(found.low, 0.5535146224608223, 1e-6);
  assertAlmostEquals(found.high, 4.863152044205845, 1e-6);
  assertEquals(found.isApart, true);
  assertEquals(welch(a, b, 0.99)!.isApart, false);
  const back = welch(b, a, 0.95)!;
  assertEquals([back.low, back.high], [-found.high, -found.low]);
});

Deno.test("the interval of pairs is that of scipy 1.17.1, ttest_rel(a, b)", () => {
  const a = [1, 2, 4, 3.5], b = [0.25, 1.5, 2, 3];
  const found = paired(a, b, 0.95)!;
  assertAlmostEquals(found.difference, 0.9375, 1e-12);
  assertAlmostEquals(found.low, -0.20511013562160918, 1e-6);
  assertAlmostEquals(found.high, 2.0801101356216094, 1e-6);
  assertEquals([found.isApart, paired(a, b, 0.8)!.isApart], [false, true]);
  assertEquals(paired([1], [2], 0.95), null);
  assertThrows(() => paired([1, 2], [1], 0.95), RangeError, "2 numbers with 1");
});

Deno.test("pairs that vary and all differ alike tell nothing of noise; the same numbers do not differ", () => {
  assertEquals(paired([0.9, 0.8, 0.9], [0.8, 0.7, 0.8], 0.95), null);
  assertEquals(paired([0.9, 0.8], [0.9, 0.8], 0.95), { difference: 0, low: 0, high: 0, isApart: false });
  assertEquals(paired([2, 2], [1, 1], 0.95), { difference: 1, low: 1, high: 1, isApart: true });
});

Deno.test("one number tells nothing of noise; numbers without noise differ if they are not the same", () => {
  assertEquals(welch([1], [1, 2], 0.95), null);
  assertEquals(welch([1, 1], [1, 1], 0.95)!.isApart, false);
  assertEquals(welch([2, 2], [1, 1], 0.95), { difference: 1, low: 1, high: 1, isApart: true });
});

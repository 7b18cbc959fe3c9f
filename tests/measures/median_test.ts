import { assertEquals } from "@std/assert";
import { median } from "../../lib/measures/median.ts";

Deno.test("the median is the middle, and of an even count between the two in the middle", () => {
  assertEquals([median([3, 1, 2]), median([4, 1, 2, 3])], [2, 2.5]);
  assertEquals(median([]), NaN);
});

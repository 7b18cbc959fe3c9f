import { assertEquals } from "@std/assert";
import { editDistance, nearest } from "../../pipelines/nearest.ts";

Deno.test("editDistance counts swaps of neighbours as one edit", () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ["", "", 0],
    ["", "abc", 3],
    ["train", "trian", 1],
    ["kitten", "sitting", 3],
    ["flaw", "lawn", 2],
  ];
  for (const [a, b, expected] of cases) {
    assertEquals(editDistance(a, b), expected, `${a} ${b}`);
    assertEquals(editDistance(b, a), expected, `${b} ${a}`);
  }
});

Deno.test("nearest finds what is alike, and nothing where nothing is", () => {
  const names = ["train.clip_range", "train.clip_range_critic", "seed"];
  assertEquals(nearest("train.clip_rage", names), "train.clip_range");
  assertEquals(nearest("sed", names), "seed");
  assertEquals(nearest("zzzzzz", names), undefined);
});

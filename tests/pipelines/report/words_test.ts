import { assertEquals } from "@std/assert";
import * as words from "../../../pipelines/report/words.ts";

Deno.test("numbers have three digits that matter and a real minus sign", () => {
  const numbers = [0, 0.41234, -3.14159, 1234.5, 2.5e-5, 12345678];
  assertEquals(numbers.map(words.showNumber), ["0", "0.412", "−3.14", "1\u202f235", "2.5e−5", "1.2e7"]);
});

Deno.test("differences have their sign", () => {
  assertEquals([0.412, -1.24, 0.001, 12].map(words.showSigned), ["+0.41", "−1.2", "0", "+12.0"]);
});

Deno.test("means are as long as two digits of the deviation", () => {
  const pairs = [[5.1, 0.617], [-0.21, 1.42], [38.24, 17.5], [0.5, 0], [-0.02, 1.4]] as const;
  assertEquals(pairs.map(([mean, std]) => words.showSpread(mean, std)), [
    "5.10 ± 0.62",
    "−0.2 ± 1.4",
    "38 ± 18",
    "0.5 ± 0",
    "0.0 ± 1.4",
  ]);
});

Deno.test("times, sizes and shares are for reading", () => {
  assertEquals([0.0123, 9.96, 59.6, 250, 3900].map(words.showSeconds), [
    "0.012 s",
    "10 s",
    "1 min 0 s",
    "4 min 10 s",
    "1 h 5 min",
  ]);
  assertEquals([words.showBytes(412 * 2 ** 20), words.showBytes(1.5 * 2 ** 30)], ["412 MiB", "1.5 GiB"]);
  assertEquals(words.showShare(0.4742), "47.4\u202f%");
});

Deno.test("lists end in and", () => {
  assertEquals(words.enumerate(["a", "b", "c"]).join(""), "a, b and c");
  assertEquals(words.enumerate(["a"]).join(""), "a");
});

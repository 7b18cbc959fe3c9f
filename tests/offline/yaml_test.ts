import { assertEquals, assertThrows } from "@std/assert";
import { parse, stringify } from "@std/yaml";

Deno.test("scalars have the values of the package it stands for", () => {
  const text = "a: 1e-4\nb: yes\nc: 0x1f\nd: 010\ne: 1_000\nf: ~\ng: [1, two]\nh: 1.0e-4\n";
  assertEquals(parse(text), { a: 1e-4, b: "yes", c: 31, d: 8, e: 1000, f: null, g: [1, "two"], h: 1e-4 });
});

Deno.test("a key that stands twice is an error", () => {
  assertThrows(() => parse("a: 1\na: 2\n"), Error, "duplicate");
});

Deno.test("what is written reads back the same", () => {
  const value = {
    seed: 42,
    train: { learning_rate: 1e-4, clip: null, targets: ["to_q", "to_out.0"] },
    name: "010",
  };
  assertEquals(parse(stringify(value)), value);
});

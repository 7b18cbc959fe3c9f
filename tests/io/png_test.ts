import { assertEquals, assertThrows } from "@std/assert";
import { decodePng, encodePng, type Image } from "../../lib/io/png.ts";

const image: Image = {
  width: 3,
  height: 2,
  channels: 3,
  data: Uint8Array.from({ length: 18 }, (_, i) => 13 * i),
};

Deno.test("an image and its text survive the file", () => {
  const text = { settings: JSON.stringify({ prompt: "a café, 猫", seed: 3 }) };
  const { text: read, ...pixels } = decodePng(encodePng(image, text));
  assertEquals(pixels, image);
  assertEquals(JSON.parse(read.settings!), { prompt: "a café, 猫", seed: 3 });
});

Deno.test("alpha survives the file", () => {
  const rgba: Image = { width: 1, height: 2, channels: 4, data: Uint8Array.of(255, 0, 1, 128, 9, 8, 7, 0) };
  const { text: _, ...pixels } = decodePng(encodePng(rgba));
  assertEquals(pixels, rgba);
});

Deno.test("the same image gives the same bytes", () => {
  assertEquals(encodePng(image, { a: "b" }), encodePng(image, { a: "b" }));
});

Deno.test("pixels that do not fit the extents are refused", () => {
  assertThrows(() => encodePng({ ...image, height: 3 }), TypeError, "[3, 3, 3] holds 27 bytes: 18 given");
});

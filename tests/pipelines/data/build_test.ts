import { assertEquals, assertThrows } from "@std/assert";
import { findIcon, type IconSet } from "../../../pipelines/data/build.ts";
import { boxFilter } from "../../../pipelines/data/rasterise.ts";
import { contactSheet } from "../../../pipelines/data/sheet.ts";

const set: IconSet = {
  icons: { cat: { body: "<path/>" }, ox: { body: "<g/>", width: 9, top: 1 } },
  aliases: { kitty: { parent: "cat" }, xo: { parent: "ox", hFlip: true } as { parent: string } },
  width: 8,
  height: 8,
};

Deno.test("icons are found by name or alias, with their box", () => {
  assertEquals(findIcon(set, "kitty"), { body: "<path/>", width: 8, height: 8 });
  assertEquals(findIcon(set, "ox"), { body: "<g/>", width: 9, height: 8, top: 1 });
  assertEquals(findIcon(set, "dog"), null);
  assertThrows(() => findIcon(set, "xo"), RangeError, "its alias transforms it");
});

Deno.test("blocks are averaged by what they show, without the margin", () => {
  const pixels = new Uint8Array(4 * 4 * 4).fill(99);
  // The inner 2x2 pixels: opaque red, half green, nothing, nothing; premultiplied.
  pixels.set([255, 0, 0, 255, 0, 128, 0, 128], (1 * 4 + 1) * 4);
  pixels.set([0, 0, 0, 0, 0, 0, 0, 0], (2 * 4 + 1) * 4);
  assertEquals([...boxFilter({ pixels, width: 4, margin: 1 }, 1)], [170, 85, 0, 96]);
  assertEquals([...boxFilter({ pixels, width: 4, margin: 1 }, 2)], [
    ...[255, 0, 0, 255],
    ...[0, 255, 0, 128],
    ...[0, 0, 0, 0],
    ...[0, 0, 0, 0],
  ]);
});

Deno.test("a contact sheet lays images out in rows", () => {
  const images = new Float32Array(3 * 32 * 32 * 3);
  images.fill(0.5, 32 * 32 * 3, 2 * 32 * 32 * 3);
  const { width, height, data } = contactSheet(images, 2);
  assertEquals([width, height], [64, 64]);
  const grey = (y: number, x: number) => data[(y * width + x) * 3];
  assertEquals([grey(0, 0), grey(0, 32), grey(31, 63), grey(32, 0), grey(63, 63)], [0, 128, 128, 0, 255]);
});

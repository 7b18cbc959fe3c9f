import { assertEquals, assertThrows } from "@std/assert";
import { findIcon, type IconSet } from "../../../pipelines/data/build.ts";
import { boxFilter } from "../../../pipelines/data/rasterise.ts";

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

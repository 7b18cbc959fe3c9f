import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { join } from "node:path";
import { key, uniforms } from "../../../lib/core/random.ts";
import { encodePng } from "../../../lib/io/png.ts";
import { pickEvenly, readPictures } from "../../../pipelines/report/images.ts";

Deno.test("the first, the last and items evenly between are picked", () => {
  assertEquals(pickEvenly([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 4), [0, 3, 6, 9]);
  assertEquals(pickEvenly([1, 2], 4), [1, 2]);
  assertEquals(pickEvenly([], 4), []);
});

Deno.test("pictures too large for a page are made smaller, small ones are left, damaged ones named", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [large, small] = [{ width: 1900, height: 600 }, { width: 40, height: 30 }];
    const noise = Uint8Array.from(uniforms(key(1), 1900 * 600), (u) => 256 * u);
    const pixels = new Uint8Array(1900 * 600 * 3).map((_, i) => noise[Math.floor(i / 3)]!);
    const files = await Promise.all([
      encodePng({ ...large, channels: 3, data: pixels }),
      encodePng({ ...small, channels: 3, data: pixels.subarray(0, 40 * 30 * 3) }),
      new Uint8Array(4_000_000),
    ].map(async (bytes, epoch) => {
      const path = join(folder, `${epoch}.png`);
      await Deno.writeFile(path, bytes);
      return { epoch, path };
    }));
    const { pictures, damaged } = await readPictures(files);
    assertEquals(damaged, [files[2]!.path]);
    assertEquals(pictures.map(({ epoch, width, height }) => [epoch, width, height]), [
      [0, 950, 300],
      [1, 40, 30],
    ]);
    assertEquals(pictures.map(({ source }) => source.slice(0, 15)), ["data:image/jpeg", "data:image/png;"]);
    assertLess(pictures[0]!.source.length, 900_000);
    assertGreater(pictures[0]!.source.length, 10_000);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

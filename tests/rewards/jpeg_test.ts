import { assertEquals } from "@std/assert";
import { floatsToBytes } from "../../lib/core/bytes.ts";
import { jpegSize } from "../../lib/rewards/jpeg/jpeg_size.ts";
import { jpegKilobytes } from "../../lib/rewards/jpeg_kilobytes.ts";
import { goldenRecord } from "../golden_files.ts";
import { mixed, seededImage } from "../seeded_image.ts";

interface Golden {
  readonly cases: readonly {
    readonly seed: number;
    readonly height: number;
    readonly width: number;
    readonly quality: number;
    readonly bytes: number;
  }[];
  readonly extremes: Readonly<Record<string, number>>;
}

const golden = await goldenRecord<Golden>("jpeg");

Deno.test("files have Pillow's size to the byte, whatever the image's extents and the quality", () => {
  for (const { seed, height, width, quality, bytes } of golden.cases) {
    const data = floatsToBytes(seededImage(seed, height, width).data);
    assertEquals(jpegSize({ height, width, data }, quality), bytes, `${height}x${width}, quality ${quality}`);
  }
});

Deno.test("the emptiest and the fullest files have Pillow's size too", () => {
  const images = {
    white: { height: 40, width: 40, data: new Uint8Array(4800).fill(255) },
    chequered: {
      height: 40,
      width: 41,
      data: Uint8Array.from(
        { length: 4920 },
        (_, i) => 255 * ((Math.floor(i / 123) + Math.floor(i / 3) % 41) % 2),
      ),
    },
    noise: { height: 37, width: 45, data: Uint8Array.from({ length: 4995 }, (_, i) => mixed(i) >>> 24) },
  };
  const sizes = Object.entries(images).map(([name, image]) => [name, jpegSize(image, 95)]);
  assertEquals(Object.fromEntries(sizes), golden.extremes);
});

Deno.test("kilobytes are thousands of bytes at quality 95", () => {
  const { seed, height, width, bytes } = golden.cases.find(({ width, quality }) =>
    width >= 128 && quality === 95
  )!;
  assertEquals(jpegKilobytes({ height, width, data: seededImage(seed, height, width).data }), bytes / 1000);
});

import { assertAlmostEquals, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { key, uniforms } from "../../lib/core/random.ts";
import { full } from "../../lib/core/tensor.ts";
import { colourEntropy, saturation } from "../../lib/rewards/colours.ts";
import { gridPeak } from "../../lib/rewards/grid_peak.ts";
import { contrast, type Pixels } from "../../lib/rewards/measures.ts";
import { assertClose } from "../assert_close.ts";
import { goldens, TOL } from "../measures/goldens.ts";
import { seededImage } from "../seeded_image.ts";

const MEASURES = { saturation, contrast, colour_entropy: colourEntropy, grid_peak: gridPeak };

Deno.test("looks of seeded images are those of numpy, scipy and colorsys, whatever the extents", () => {
  for (const { seed, height, width, ...expected } of goldens.looks) {
    const pixels = { height, width, data: seededImage(seed, height, width).data };
    for (const name of ["saturation", "contrast", "colour_entropy", "grid_peak"] as const) {
      assertClose([MEASURES[name](pixels)], [expected[name]], TOL, `${name}, ${height}x${width}`);
    }
  }
});

Deno.test("a blank image has no looks, a black one neither", () => {
  for (const value of [0, 0.5, 1]) {
    const pixels = { height: 16, width: 16, data: full([768], value).data };
    for (const [name, measure] of Object.entries(MEASURES)) {
      assertAlmostEquals(measure(pixels), 0, 1e-9, `${name} of ${value}`);
    }
  }
});

Deno.test("a grid under noise stands out, noise and a slow wave do not", () => {
  const noise = uniforms(key(4), 48 * 48);
  const image = (wave: (row: number, column: number) => number): Pixels => ({
    height: 48,
    width: 48,
    data: Float32Array.from({ length: 48 * 48 * 3 }, (_, i) => {
      const pixel = Math.floor(i / 3);
      return 0.3 + 0.1 * noise[pixel]! + 0.3 * wave(Math.floor(pixel / 48), pixel % 48);
    }),
  });
  const plain = gridPeak(image(() => 0));
  assertLess(plain, 12);
  assertLess(gridPeak(image((row) => Math.sin(2 * Math.PI * row / 48))), 12);
  assertGreater(gridPeak(image((row, column) => (row + column) % 2)), plain + 10);
  assertGreater(gridPeak(image((_, column) => Number(column % 4 === 0))), plain + 10);
});

Deno.test("an image too small for a pattern is refused", () => {
  assertThrows(() => gridPeak({ height: 3, width: 9, data: full([81], 1).data }), RangeError, "3x9");
  assertEquals(saturation({ height: 1, width: 2, data: Float32Array.of(1, 0.5, 0.5, 0, 0, 0) }), 0.25);
});

import { assertAlmostEquals, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { tensor } from "../../lib/core/tensor.ts";
import {
  borderInk,
  brightness,
  colourfulness,
  measured,
  type Pixels,
  sharpness,
  symmetry,
  whiteFraction,
} from "../../lib/rewards/measures.ts";
import { randomImages } from "./toys.ts";

/** An image of grey or RGB pixels, given row by row. */
function image(rows: readonly (readonly (number | readonly number[])[])[]): Pixels {
  const data = rows.flat().flatMap((pixel) => typeof pixel === "number" ? [pixel, pixel, pixel] : pixel);
  return { height: rows.length, width: rows[0]!.length, data: Float32Array.from(data) };
}

const [RED, GREEN] = [[1, 0, 0], [0, 1, 0]];
const tol = 1e-4;

Deno.test("colourfulness of grey is 0, of one red 0.3 of its length, of red and green their spread", () => {
  assertEquals(colourfulness(image([[0.2, 0.9]])), 0);
  assertAlmostEquals(colourfulness(image([[RED, RED]])), 0.3 * Math.hypot(255, 127.5), tol);
  assertAlmostEquals(colourfulness(image([[RED, GREEN]])), 255 + 0.3 * 127.5, tol);
});

Deno.test("sharpness is the spread of the Laplacian, which of a ramp is 0", () => {
  const dot = image([[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]);
  // The inner pixels' Laplacians are -1020, 255, 255 and 0.
  assertAlmostEquals(sharpness(dot), Math.sqrt(292612.5 - 127.5 ** 2), tol);
  const ramp = image([[0, 0.1, 0.2, 0.3], [0.2, 0.3, 0.4, 0.5], [0.4, 0.5, 0.6, 0.7], [0.6, 0.7, 0.8, 0.9]]);
  assertAlmostEquals(sharpness(ramp), 0, 1e-2);
  assertThrows(() => sharpness(image([[0, 1]])), RangeError, "smaller than 3x3: 1x2");
});

Deno.test("symmetry is 1 of mirror images, -1 of their opposites and 0 of blank ones", () => {
  assertAlmostEquals(symmetry(image([[1, 0, 1], [0.5, 0, 0.5]])), 1, 1e-3);
  assertAlmostEquals(symmetry(image([[1, 0], [1, 0]])), -1, 1e-3);
  assertEquals(symmetry(image([[0.5, 0.5]])), 0);
});

Deno.test("symmetry does not change when the image is mirrored", () => {
  const images = randomImages(1, 5);
  const pixels = { height: 8, width: 8, data: images.data };
  const mirrored = {
    ...pixels,
    data: Float32Array.from(images.data, (_, i) => {
      const [row, column, channel] = [Math.floor(i / 24), Math.floor(i / 3) % 8, i % 3];
      return images.data[24 * row + 3 * (7 - column) + channel]!;
    }),
  };
  assertAlmostEquals(symmetry(mirrored), symmetry(pixels), 1e-12);
});

Deno.test("the share of white counts pixels white in all channels", () => {
  assertEquals(whiteFraction(image([[1, 0.96], [[1, 1, 0.9], 0]])), 0.5);
});

Deno.test("border ink sees the outer two pixels only, and colours as ink", () => {
  const blank = Array.from({ length: 5 }, () => [1, 1, 1, 1, 1] as (number | number[])[]);
  blank[2]![2] = 0;
  assertEquals(borderInk(image(blank)), 0);
  blank[0]![0] = RED;
  blank[4]![3] = 0.5;
  assertAlmostEquals(borderInk(image(blank)), 1.5 / 24, tol);
});

Deno.test("brightness is the mean luma", () => {
  assertAlmostEquals(brightness(image([[GREEN, 1]])), (0.587 + 1) / 2, tol);
});

Deno.test("a batch is measured image by image", () => {
  const images = randomImages(3, 6);
  const each = [0, 1, 2].map((b) =>
    colourfulness({ height: 8, width: 8, data: images.data.slice(b * 192, (b + 1) * 192) })
  );
  assertEquals(measured(images, colourfulness), Float32Array.from(each));
  assertGreater(each[0]!, 0);
  assertThrows(() => measured(tensor([2, 3], new Float32Array(6)), brightness), TypeError, "[2, 3]");
});

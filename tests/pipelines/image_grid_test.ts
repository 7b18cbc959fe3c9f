import { assertEquals } from "@std/assert";
import { tensor } from "../../lib/core/tensor.ts";
import { imageGrid } from "../../pipelines/image_grid.ts";

Deno.test("images are laid out row by row on white", () => {
  const images = new Float32Array(3 * 32 * 32 * 3);
  images.fill(0.5, 32 * 32 * 3, 2 * 32 * 32 * 3);
  const { width, height, data } = imageGrid(tensor([3, 32, 32, 3], images), { columns: 2, gap: 0 });
  assertEquals([width, height], [64, 64]);
  const grey = (y: number, x: number) => data[(y * width + x) * 3];
  assertEquals([grey(0, 0), grey(0, 32), grey(31, 63), grey(32, 0), grey(63, 63)], [0, 128, 128, 0, 255]);
});

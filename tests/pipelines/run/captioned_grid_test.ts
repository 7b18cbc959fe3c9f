import { assert, assertEquals } from "@std/assert";
import { full, tensor } from "../../../lib/core/tensor.ts";
import { captionedGrid } from "../../../pipelines/run/captioned_grid.ts";
import { drawText, LETTER_HEIGHT, textWidth } from "../../../pipelines/run/font.ts";

Deno.test("captionedGrid: every image in its place, whole factors larger", () => {
  // Ten prompts of two seeds make two bands; each image has a grey of its own.
  const greys = Array.from({ length: 20 }, (_, n) => (n + 1.4) / 25);
  const images = tensor([20, 4, 4, 3], greys.flatMap((grey) => Array<number>(48).fill(grey)));
  const prompts = Array.from({ length: 10 }, (_, p) => `p${p}`);
  const { width, height, data } = captionedGrid(images, prompts, ["seed 0", "seed 1"]);
  const counts = new Map<number, number>();
  for (let i = 0; i < data.length; i += 3) counts.set(data[i]!, (counts.get(data[i]!) ?? 0) + 1);
  for (const grey of greys) assertEquals(counts.get(Math.round(grey * 255)), 96 * 96, `grey ${grey}`);
  assert(width > 8 * 96 && width < 9 * 96 && height > 4 * 96 && height < 5 * 96, `${width} by ${height}`);
  const at = (x: number, y: number) => data[(y * width + x) * 3];
  assertEquals(at(width - 50, 80), Math.round(greys[14]! * 255));
  assertEquals(at(width - 50, height - 50), 255);
});

Deno.test("captionedGrid: large images are reduced, text never leaves its column", () => {
  const long = "a very long prompt about an astronaut who rides a horse through the emptiness of space";
  for (const prompts of [[long, "x".repeat(200)], ["", " "], ["ünïcödé 漢字", "🐱"]]) {
    const { width, height, data } = captionedGrid(full([2, 600, 600, 3], 1), prompts, ["seed 0"]);
    assert(width < 2 * 256 + 60 && height < 256 + 60, `${width} by ${height}`);
    // Right of the labels and below the captions everything is white.
    const stray = data.findIndex((value, i) => {
      const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
      return x >= 45 && y >= 30 && value !== 255;
    });
    assertEquals(stray, -1);
  }
});

Deno.test("font: letters stay within their width and height", () => {
  const letters = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
  for (const text of [...letters, "Hamburgefonstiv", "É", ""]) {
    let [right, bottom, pixels] = [0, 0, 0];
    drawText(text, (x, y) => {
      [right, bottom, pixels] = [Math.max(right, x + 1), Math.max(bottom, y + 1), pixels + 1];
    });
    if (text.trim() !== "") assertEquals(right, textWidth(text), text);
    assert(bottom <= LETTER_HEIGHT && (pixels > 0 || text.trim() === ""), text);
  }
});

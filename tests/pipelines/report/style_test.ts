import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { PALETTE_SIZE } from "../../../pipelines/report/outcome.ts";
import { DARK, LIGHT } from "../../../pipelines/report/style.ts";

for (const [name, palette] of Object.entries({ LIGHT, DARK })) {
  Deno.test(`text can be read in the colours of ${name}`, () => {
    const { paper, tint, ink, muted, rewards, shades } = palette;
    assertEquals(rewards.length, PALETTE_SIZE);
    for (const colour of [ink, muted, ...rewards]) {
      assertGreaterOrEqual(contrast(colour, paper), 4.5, `${colour} on ${paper}`);
      assertGreaterOrEqual(contrast(colour, tint), 4.5, `${colour} on ${tint}`);
    }
    for (const colour of shades.slice(0, 4)) {
      assertGreaterOrEqual(contrast(colour, paper), 4.5, `${colour} on ${paper}`);
    }
    assertEquals(new Set([...rewards, ...shades]).size, rewards.length + shades.length);
  });
}

/** WCAG's contrast of two colours, 1 to 21. */
function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const share = parseInt(colour.slice(i, i + 2), 16) / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { key, uniforms } from "../../../lib/core/random.ts";
import { spread } from "../../../pipelines/report/labels.ts";

Deno.test("labels with room stay where they are", () => {
  assertEquals(spread([50, 10, 30], 12, [0, 100]), [50, 10, 30]);
});

Deno.test("labels that touch move apart around their middle", () => {
  assertEquals(spread([50, 50], 10, [0, 100]), [45, 55]);
  assertEquals(spread([2, 1], 10, [0, 100]), [10, 0]);
});

Deno.test("labels keep their order, their distance and the frame", () => {
  for (let seed = 0; seed < 20; seed++) {
    const positions = Array.from(uniforms(key(seed), 7), (u) => 100 * u);
    const placed = spread(positions, 13, [0, 100]);
    const order = positions.map((_, i) => i).sort((a, b) => positions[a]! - positions[b]!);
    order.slice(1).forEach((i, rank) => {
      assertGreaterOrEqual(placed[i]! - placed[order[rank]!]!, 13 - 1e-9, `seed ${seed}`);
    });
    assertGreaterOrEqual(Math.min(...placed), 0, `seed ${seed}`);
    assertGreaterOrEqual(100, Math.max(...placed) - 1e-9, `seed ${seed}`);
  }
});

import { assertEquals } from "@std/assert";
import { add, mul, sum, trace } from "../../lib/engine/mod.ts";
import { plan } from "../../lib/engine/plan.ts";

Deno.test("a kernel's bytes are those of its operands, what is repeated read once", () => {
  const types = { x: { shape: [8, 64], dtype: "f32" }, scale: { shape: [64], dtype: "f32" } } as const;
  const graph = trace(({ x, scale }) => {
    const y = add(mul(x, scale), scale);
    return { y, total: sum(mul(y, scale), [0]) };
  }, types);
  const bytes = plan(graph, { software: true }).dispatches.map(({ kernel }) => kernel.bytes);
  assertEquals(bytes, [4 * (8 * 64 + 64 + 8 * 64), 4 * (8 * 64 + 64 + 64)]);
});

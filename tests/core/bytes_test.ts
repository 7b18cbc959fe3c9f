import { assertEquals } from "@std/assert";
import { floatsToBytes } from "../../lib/core/bytes.ts";

Deno.test("floats become bytes, rounded half to even and clamped", () => {
  assertEquals([...floatsToBytes(Float32Array.of(-1, 0, 0.5 / 255, 1.5 / 255, 0.999, 2))], [
    0,
    0,
    0,
    2,
    255,
    255,
  ]);
});

import { assert, assertEquals } from "@std/assert";
import { bfloatsToFloats, floatsToBfloats, floatsToHalfs, halfsToFloats } from "../../lib/core/half.ts";

Deno.test("every half survives the way to float and back", () => {
  const words = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
  const back = floatsToHalfs(halfsToFloats(words));
  for (const word of words) {
    const isNan = (word & 0x7fff) > 0x7c00;
    if (isNan) assert((back[word]! & 0x7fff) > 0x7c00, `NaN ${word.toString(16)} became ${back[word]}`);
    else assertEquals(back[word], word);
  }
});

Deno.test("halfs have the values of IEEE binary16", () => {
  const values = halfsToFloats(Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x7c00, 0x8000));
  assertEquals([...values], [1, -2, 65504, 2 ** -24, 2 ** -14, Infinity, -0]);
});

Deno.test("floats round to the nearest half, ties to even", () => {
  const ulp = 2 ** -10;
  const floats = Float32Array.of(
    1 + ulp / 2,
    1 + 1.5 * ulp,
    1 + 0.51 * ulp,
    65519,
    65520,
    2 ** -25,
    2 ** -25 * 1.01,
  );
  assertEquals([...floatsToHalfs(floats)], [0x3c00, 0x3c02, 0x3c01, 0x7bff, 0x7c00, 0, 1]);
});

Deno.test("bfloats are the upper half of a float, ties to even", () => {
  assertEquals([...bfloatsToFloats(Uint16Array.of(0x3f80, 0xc040, 0x7f80))], [1, -3, Infinity]);
  const ulp = 2 ** -7;
  const floats = Float32Array.of(1 + ulp / 2, 1 + 1.5 * ulp, 1 + 0.51 * ulp, 3.4028234e38, Infinity);
  assertEquals([...floatsToBfloats(floats)], [0x3f80, 0x3f82, 0x3f81, 0x7f80, 0x7f80]);
  assert(Number.isNaN(bfloatsToFloats(floatsToBfloats(Float32Array.of(NaN)))[0]));
});

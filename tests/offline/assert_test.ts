import {
  assert,
  assertAlmostEquals,
  assertEquals,
  AssertionError,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";

Deno.test("assertEquals takes NaN and signed zeros as equal", () => {
  assertEquals({ a: [NaN, 0] }, { a: [NaN, -0] });
  assertEquals(new Float32Array([1, NaN]), new Float32Array([1, NaN]));
  assertEquals(new Map([[{ k: 1 }, new Set([1, 2])]]), new Map([[{ k: 1 }, new Set([2, 1])]]));
});

Deno.test("assertEquals tells apart what differs", () => {
  const pairs: readonly (readonly [unknown, unknown])[] = [
    [1, 2],
    [{ a: undefined }, {}],
    [[1, 2], [1, 2, 3]],
    [new Float32Array([1]), new Float64Array([1])],
    [new Set([1]), new Set([2])],
    [new Date(0), new Date(1)],
    [null, {}],
    ["1", 1],
  ];
  for (const [a, b] of pairs) {
    assertThrows(() => assertEquals(a, b), AssertionError);
    assertNotEquals(a, b);
  }
});

Deno.test("cycles are compared once", () => {
  const cycle = (): Record<string, unknown> => {
    const record: Record<string, unknown> = { a: 1 };
    record.self = record;
    return record;
  };
  assertEquals(cycle(), cycle());
});

Deno.test("assertThrows checks class and message", () => {
  const raise = () => {
    throw new RangeError("too high: 3");
  };
  assertEquals(assertThrows(raise, RangeError, "too high").message, "too high: 3");
  assertThrows(() => assertThrows(raise, TypeError), AssertionError, "RangeError");
  assertThrows(() => assertThrows(raise, RangeError, "low"), AssertionError, "low");
  assertThrows(() => assertThrows(() => 1), AssertionError, "to throw");
});

Deno.test("assertRejects wants a rejected promise, not a throw", async () => {
  const error = await assertRejects(() => Promise.reject(new TypeError("no")), TypeError, "no");
  assert(error instanceof TypeError);
  await assertRejects(() => assertRejects(() => Promise.resolve(1)), AssertionError, "to reject");
});

Deno.test("assertAlmostEquals has a relative default tolerance", () => {
  assertAlmostEquals(1.00000001, 1);
  assertThrows(() => assertAlmostEquals(1.000001, 1), AssertionError);
  assertAlmostEquals(0.5, 0.6, 0.11);
});

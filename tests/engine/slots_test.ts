import { assert, assertEquals } from "@std/assert";
import { integers, key } from "../../lib/core/random.ts";
import { assignSlots, type Lifetime } from "../../lib/engine/slots.ts";

Deno.test("values that do not live together share a slot, the largest deciding its size", () => {
  const { bytes, of } = assignSlots([
    { bytes: 100, first: 0, last: 1 },
    { bytes: 1000, first: 2, last: 3 },
    { bytes: 300, first: 1, last: 2 },
  ]);
  assertEquals(bytes, [1024, 512]);
  assertEquals(of, [0, 0, 1]);
});

Deno.test("what ends in a dispatch and what begins in it do not share", () => {
  assertEquals(assignSlots([{ bytes: 4, first: 0, last: 1 }, { bytes: 4, first: 1, last: 2 }]).of, [0, 1]);
});

Deno.test("random lifetimes: none that overlap share, and every value fits", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const draws = integers(key(seed), 300, 1000);
    const lifetimes = Array.from({ length: 100 }, (_, i): Lifetime => {
      const first = draws[3 * i]! % 50;
      return { bytes: 1 + draws[3 * i + 1]!, first, last: first + draws[3 * i + 2]! % 10 };
    });
    const { bytes, of } = assignSlots(lifetimes);
    lifetimes.forEach((a, i) => {
      assert(bytes[of[i]!]! >= a.bytes, `seed ${seed}: ${a.bytes} bytes in ${bytes[of[i]!]}`);
      lifetimes.forEach((b, j) => {
        if (i === j || of[i] !== of[j]) return;
        assert(a.last < b.first || b.last < a.first, `seed ${seed}: ${i} and ${j} share slot ${of[i]}`);
      });
    });
    const busiest = Math.max(
      ...Array.from(
        { length: 60 },
        (_, t) =>
          lifetimes.reduce((sum, { bytes, first, last }) => sum + (first <= t && t <= last ? bytes : 0), 0),
      ),
    );
    const total = bytes.reduce((a, b) => a + b, 0);
    assert(total <= 2 * busiest, `seed ${seed}: ${total} bytes where ${busiest} are in use at most`);
  }
});

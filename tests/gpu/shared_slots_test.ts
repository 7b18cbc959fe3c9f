import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { bufferPool } from "../../lib/gpu/memory.ts";
import { sharedSlots } from "../../lib/gpu/shared_slots.ts";

const KB = 1024;

/** Slots of made-up buffers, which know whether they were destroyed. */
function setUp() {
  const pool = bufferPool((size) => ({
    size,
    isDead: false,
    destroy() {
      this.isDead = true;
    },
  }), 1 << 20);
  return { pool, slots: sharedSlots(pool) };
}

Deno.test("slots of programs are the same buffers, as large as the largest wants them", () => {
  const { pool, slots } = setUp();
  const small = slots.reserve([KB, 4 * KB], []);
  const large = slots.reserve([2 * KB, 8 * KB, KB], []);
  assertEquals(pool.bytes(), 0, "bytes before any is used");
  assertEquals(small.buffers().map(({ size }) => size), [KB, 4 * KB], "before the larger program runs");
  large.buffers();
  assertEquals(small.buffers().map(({ size }) => size), [2 * KB, 8 * KB]);
  assertEquals(large.buffers().map(({ size }) => size), [2 * KB, 8 * KB, KB]);
  small.buffers().forEach((buffer, i) => assertStrictEquals(buffer, large.buffers()[i]));
  assertEquals(pool.peakBytes(), 11 * KB);
});

Deno.test("slots that must stay as they are are shared with nobody", () => {
  const { pool, slots } = setUp();
  const a = slots.reserve([4 * KB, KB, 2 * KB], [0]);
  const b = slots.reserve([4 * KB, KB], [1]);
  b.buffers();
  const all = new Set([...a.buffers(), ...b.buffers()]);
  assertEquals(a.own, [a.buffers()[0]!]);
  assertEquals(b.own, [b.buffers()[1]!]);
  assertStrictEquals(a.buffers()[2], b.buffers()[0], "the largest of those that are shared");
  assertEquals(all.size, 4);
  assertEquals(pool.bytes(), 4 * KB + KB + 4 * KB + KB);
});

Deno.test("a larger program makes slots larger, and its end makes them smaller: the old ones are given back", () => {
  const { pool, slots } = setUp();
  const small = slots.reserve([KB], []);
  const [before] = small.buffers();
  assertStrictEquals(small.buffers(), small.buffers(), "nothing changed");
  const large = slots.reserve([8 * KB, 2 * KB], []);
  large.buffers();
  const [after] = small.buffers();
  assertEquals([before!.isDead, after!.isDead, after!.size], [true, false, 8 * KB]);
  assertEquals(pool.peakBytes(), 10 * KB, "the old one was given back before the new one was taken");
  large.release();
  large.release();
  assert(after!.isDead);
  assertEquals(small.buffers().map(({ size }) => size), [KB]);
  assertEquals(pool.bytes(), KB);
  small.release();
  assertEquals(pool.bytes(), 0);
});

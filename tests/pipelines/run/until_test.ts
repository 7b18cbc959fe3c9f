import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { StoppedError, throwIfStopped, unlessStopped, until } from "../../../pipelines/run/until.ts";

async function* count(to: number, onNext: (n: number) => void = () => {}) {
  for (let n = 1; n <= to; n++) {
    await Promise.resolve();
    onNext(n);
    yield n;
  }
}

Deno.test("until: passes everything on where nobody stops it", async () => {
  assertEquals(await Array.fromAsync(until(new AbortController().signal, count(3))), [1, 2, 3]);
});

Deno.test("until: what is complete is passed on, what is under way is left behind", async () => {
  const stop = new AbortController();
  const source = count(5, (n) => {
    if (n === 3) stop.abort();
  });
  assertEquals(await Array.fromAsync(until(stop.signal, source)), [1, 2]);
  assertEquals(await Array.fromAsync(until(stop.signal, count(2))), []);
});

Deno.test("until: errors are passed on, but not those of work that was left behind", async () => {
  const failing = (stop: AbortController, isStopped: boolean) =>
    count(3, (n) => {
      if (n === 2 && isStopped) stop.abort();
      if (n === 2) throw new Error("two");
    });
  const stop = new AbortController();
  await assertRejects(() => Array.fromAsync(until(stop.signal, failing(stop, false))), Error, "two");
  assertEquals(await Array.fromAsync(until(stop.signal, failing(stop, true))), [1]);
});

Deno.test("unlessStopped: gives what the work gives, or null", async () => {
  const stop = new AbortController();
  assertEquals(await unlessStopped(stop.signal, Promise.resolve(5)), 5);
  throwIfStopped(stop.signal);
  stop.abort();
  assertEquals(await unlessStopped(stop.signal, new Promise(() => {})), null);
  assertThrows(() => throwIfStopped(stop.signal), StoppedError);
});

import { assertEquals } from "@std/assert";
import { eventFileStart, imageEvent, scalarEvent } from "../../lib/io/tfevents.ts";
import { eventsUpTo } from "../../lib/io/tfevents_cut.ts";

const png = new Uint8Array(300);
const records = [
  eventFileStart(1),
  scalarEvent({ time: 2, step: 0 }, { a: 1 }),
  ...[1, 2, 300].flatMap((step) => [
    scalarEvent({ time: step, step }, { a: step, "b/c": 2 }),
    imageEvent({ time: step, step }, "images", { width: 1, height: 1, png }),
  ]),
];
const joined = (count: number) => new Uint8Array(records.slice(0, count).flatMap((record) => [...record]));

Deno.test("eventsUpTo: keeps what belongs to no later step", () => {
  const file = joined(8);
  for (const [step, count] of [[0, 2], [1, 4], [2, 6], [299, 6], [300, 8], [1000, 8]] as const) {
    assertEquals(eventsUpTo(file, step), joined(count), `step ${step}`);
  }
});

Deno.test("eventsUpTo: a record that is not whole is left out", () => {
  const whole = joined(5);
  for (const missing of [1, 4, 20, whole.length - joined(4).length - 1]) {
    assertEquals(eventsUpTo(whole.slice(0, whole.length - missing), 9), joined(4), `${missing} bytes less`);
  }
  assertEquals(eventsUpTo(new Uint8Array(0), 9), new Uint8Array(0));
});

import { assertEquals } from "@std/assert";
import { listenForInterrupt } from "../../../pipelines/run/interrupt.ts";

const posix = { ignore: Deno.build.os === "windows" };

Deno.test("signals: one passed on twice counts once, a second one ends the program", posix, async () => {
  const told: (string | number)[] = [];
  let [time, heard] = [0, 0];
  const clock = () => (heard++, time);
  const { signal, end } = listenForInterrupt(() => told.push("stopping"), {
    clock,
    exit: (code) => told.push(code),
  });
  // Each time the clock is read once. SIGINT would end the test runner.
  const send = async () => {
    const before = heard;
    await new Deno.Command("/bin/sh", { args: ["-c", `kill -TERM ${Deno.pid}`] }).output();
    while (heard === before) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  try {
    await send();
    assertEquals([signal.aborted, ...told], [true, "stopping"]);
    time += 20;
    await send();
    assertEquals(told, ["stopping"]);
    time += 1000;
    await send();
    assertEquals(told, ["stopping", 130]);
  } finally {
    end();
  }
});

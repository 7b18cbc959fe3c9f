import { assertEquals } from "@std/assert";
import { screenOn, showMinutes } from "../../../pipelines/run/screen.ts";

/** A terminal of 80 columns that remembers what was written. */
function recorded(isTerminal: boolean) {
  const written: string[] = [];
  let time = 0;
  const over = isTerminal ? (text: string) => void written.push(`<${text}>`) : null;
  const screen = screenOn({ line: (text) => written.push(text), over, columns: 80, clock: () => time });
  return { screen, written, wait: (ms: number) => time += ms };
}

Deno.test("screen: a bar below the lines, with the time left once it can be told", () => {
  const { screen, written, wait } = recorded(true);
  screen.progress(0, "loading");
  wait(60_000);
  screen.progress(0.25, "work");
  wait(10_000);
  screen.progress(0.5, "work");
  screen.line("half");
  screen.clear();
  screen.line("end");
  const half = "<work  [############------------]  50%  20 s left>";
  assertEquals(written, [
    "<loading  [------------------------]   0%>",
    "<work  [######------------------]  25%>",
    half,
    "<>",
    "half",
    half,
    "<>",
    "<>",
    "end",
  ]);
});

Deno.test("screen: lines alone where there is no terminal", () => {
  const { screen, written } = recorded(false);
  screen.progress(0.5, "work");
  screen.line("a line");
  screen.clear();
  assertEquals(written, ["a line"]);
});

Deno.test("showMinutes: units as people say them", () => {
  assertEquals([500, 89_000, 90_000, 3_600_000, 5_400_000].map(showMinutes), [
    "1 s",
    "89 s",
    "2 min",
    "60 min",
    "1.5 h",
  ]);
});

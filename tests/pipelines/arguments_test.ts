import { assertEquals, assertThrows } from "@std/assert";
import { readArguments } from "../../pipelines/arguments.ts";
import { UsageError } from "../../pipelines/usage_error.ts";

const options = { text: ["out"], lists: ["set"], flags: ["grid"], words: 1 } as const;
const read = (...args: string[]) => readArguments(args, options);

Deno.test("readArguments: values stay text, the last one counts, lists keep all", () => {
  const typed = read("12", "--out", "1", "--out=-2", "--set", "a=1", "--set=b", "--grid");
  assertEquals({ ...typed }, { words: ["12"], out: "-2", set: ["a=1", "b"], grid: true, help: false });
  assertEquals({ ...read() }, { words: [], set: [], grid: false, help: false });
});

Deno.test("readArguments: mistakes are named with the way out", () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [["--ou", "x"], "Cannot use --ou as there is no such argument: did you mean --out?"],
    [["-x"], "Cannot use -x as there is no such argument: see --help"],
    [["--out", "-1"], "--NAME=-1"],
    [["--out"], "Cannot use --out as it has no value"],
    [["--set", "a", "--set="], "Cannot use --set as it has no value"],
    [["a", "b"], "Cannot use b as it is one argument too many"],
  ];
  for (const [args, message] of cases) assertThrows(() => read(...args), UsageError, message);
  assertThrows(() => readArguments(["a"], {}), UsageError, "Cannot use a as");
});

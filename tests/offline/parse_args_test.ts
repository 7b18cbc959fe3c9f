import { assertEquals } from "@std/assert";
import { parseArgs } from "@std/cli";

Deno.test("options, flags, lists and positional arguments", () => {
  const args = parseArgs(["train", "--set", "a=1", "--set=b=2", "--out", "7", "--help", "--", "--out"], {
    string: ["set", "out"],
    collect: ["set"],
    boolean: ["help", "quiet"],
  });
  assertEquals(args.set, ["a=1", "b=2"]);
  assertEquals(args.out, "7");
  assertEquals(args.help, true);
  assertEquals(args.quiet, false);
  assertEquals(args._, ["train", "--out"]);
});

Deno.test("the last value counts, and a list that is not given is empty", () => {
  const args = parseArgs(["--out", "a", "--out", "b"], { string: ["out", "set"], collect: ["set"] });
  assertEquals(args.out, "b");
  assertEquals(args.set, []);
});

Deno.test("unknown options are told and dropped", () => {
  const found: string[] = [];
  const unknown = (arg: string) => {
    found.push(arg);
    return false;
  };
  const args = parseArgs(["--no-color", "--wrong=1", "word", "-x"], { boolean: ["color"], unknown });
  assertEquals(found, ["--no-color", "--wrong=1", "word", "-x"]);
  assertEquals(args.color, false);
  assertEquals(args._, []);
});

Deno.test("an alias stands for its option", () => {
  assertEquals(parseArgs(["-h"], { boolean: ["help"], alias: { help: "h" } }).help, true);
});

import { assertEquals, assertStringIncludes } from "@std/assert";
import { dispatch, type Task } from "../../pipelines/dispatch.ts";
import { UsageError } from "../../pipelines/usage_error.ts";

const tasks: Readonly<Record<string, Task>> = {
  train: task((args) => args.length),
  wrong: task(() => {
    throw new UsageError("Cannot read --set as it has no value: a");
  }),
  failing: task(() => {
    throw new RangeError("Cannot bind 2 bytes as the adapter allows 1: lower sample.batch_size");
  }),
  missing: task(() => {
    throw new Deno.errors.NotFound("No such file: a");
  }),
  denied: task(() => {
    throw new Error('Cannot write /a: Requires write access to "/a", run again with the --allow-write flag');
  }),
  broken: task(() => {
    throw new TypeError("Cannot read properties of undefined (reading 'x')");
  }),
};

function task(body: (args: readonly string[]) => number): Task {
  return {
    doc: "Does it",
    load: () => Promise.resolve({ run: (args) => Promise.resolve().then(() => body(args)) }),
  };
}

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const texts = { out: "", err: "" };
  const code = await dispatch(args, tasks, {
    out: (text) => texts.out += text,
    err: (text) => texts.err += text,
  });
  return { code, ...texts };
}

Deno.test("a task gets its own arguments, and its number is the exit code", async () => {
  assertEquals(await run("train"), { code: 0, out: "", err: "" });
  assertEquals((await run("train", "--set", "a=1")).code, 2);
});

Deno.test("--help names every task", async () => {
  const { code, out } = await run("--help");
  assertEquals(code, 0);
  for (const name of Object.keys(tasks)) assertStringIncludes(out, `  ${name}`);
  assertEquals((await run()).code, 2);
});

Deno.test("an unknown task is a usage error that names the nearest", async () => {
  assertEquals(await run("trian"), {
    code: 2,
    out: "",
    err: "attune: no such task: trian; did you mean train?",
  });
  assertEquals((await run("constructor")).err, "attune: no such task: constructor");
});

Deno.test("errors that a person can mend are one line", async () => {
  assertEquals(await run("wrong"), {
    code: 2,
    out: "",
    err: "attune wrong: Cannot read --set as it has no value: a",
  });
  const denied = await run("denied");
  assertEquals(denied.code, 2);
  assertStringIncludes(denied.err, 'attune denied: Cannot write "/a" as a task writes only below');
  assertEquals((await run("failing")).err.split("\n").length, 1);
  assertEquals(await run("missing"), { code: 1, out: "", err: "attune missing: No such file: a" });
});

Deno.test("errors of the program show where they come from", async () => {
  const { code, err } = await run("broken");
  assertEquals(code, 1);
  assertStringIncludes(err, "dispatch_test.ts");
});

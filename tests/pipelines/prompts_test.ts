import { assert, assertEquals, assertRejects } from "@std/assert";
import { checkConfig } from "../../pipelines/config/mod.ts";
import { promptNotes, readPrompts } from "../../pipelines/prompts.ts";
import { UsageError } from "../../pipelines/usage_error.ts";

Deno.test("the lists that the default configuration names are there", async () => {
  const { prompts, evaluate, images } = checkConfig({});
  const all = await readPrompts("simple_animals");
  assertEquals(all.length, 45);
  for (const name of [prompts, evaluate.prompts, images.prompts]) {
    for (const prompt of await readPrompts(name)) assert(all.includes(prompt), `${name}: ${prompt}`);
  }
});

/** Reads prompts from a file of these bytes. */
async function readFrom(content: string | Uint8Array): Promise<readonly string[]> {
  const path = await Deno.makeTempFile({ suffix: ".txt" });
  try {
    await Deno.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
    return await readPrompts(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("a file has a prompt a line, however its lines end and whatever mark it begins with", async () => {
  const expected = ["a red cat", "two dogs", "a red cat"];
  for (const end of ["\n", "\r\n"]) {
    for (const last of ["", end]) {
      assertEquals(await readFrom(`\ufeffa red cat${end}  two dogs ${end}a red cat${last}`), expected);
    }
  }
});

Deno.test("a file that is no list of prompts is refused, with the line", async () => {
  const cases: readonly [string | Uint8Array, string][] = [
    ["", "the list is empty"],
    [" \n\r\n", "the list is empty"],
    ["a\nb\n \nc\n", "a line is blank: line 3 of "],
    ["a\n\n", "a line is blank: line 2 of "],
    [new Uint8Array([0x61, 0xff, 0x0a]), "no text in UTF-8"],
  ];
  for (const [content, expected] of cases) {
    await assertRejects(() => readFrom(content), UsageError, expected);
  }
});

Deno.test("prompts that stand twice or are too long are named by their lines, a few of them", () => {
  const words = { maxLength: 5, tokenize: (prompt: string) => prompt.split(" ") };
  assertEquals(promptNotes(["a", "b", "a b c"], words), []);
  assertEquals(promptNotes(["a", "b", "a", "a b c d", "a"], words), [
    "Prompts that stand in their list twice count twice: line 3 is line 1 again, line 5 is line 1 again.",
    "Of longer prompts the model reads the first 3 tokens: line 4 has 4 tokens.",
  ]);
  assertEquals(promptNotes(Array(6).fill("a"), words), [
    "Prompts that stand in their list twice count twice: " +
    "line 2 is line 1 again, line 3 is line 1 again, line 4 is line 1 again, and 2 more.",
  ]);
});

Deno.test("what is not there is a usage error that names the nearest list", async () => {
  await assertRejects(() => readPrompts("simple_animal"), UsageError, "did you mean simple_animals?");
  await assertRejects(() => readPrompts("./nowhere.txt"), UsageError, "no such file: ./nowhere.txt");
  await assertRejects(() => readPrompts("./"), UsageError, "it is a folder: ./");
});

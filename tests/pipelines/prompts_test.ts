import { assert, assertEquals, assertRejects } from "@std/assert";
import { checkConfig } from "../../pipelines/config/mod.ts";
import { readPrompts } from "../../pipelines/prompts.ts";
import { UsageError } from "../../pipelines/usage_error.ts";

Deno.test("the lists that the default configuration names are there", async () => {
  const { prompts, evaluate, images } = checkConfig({});
  const all = await readPrompts("simple_animals");
  assertEquals(all.length, 45);
  for (const name of [prompts, evaluate.prompts, images.prompts]) {
    for (const prompt of await readPrompts(name)) assert(all.includes(prompt), `${name}: ${prompt}`);
  }
});

Deno.test("a file has a prompt a line", async () => {
  const path = await Deno.makeTempFile({ suffix: ".txt" });
  try {
    await Deno.writeTextFile(path, "a red cat\r\n\n  two dogs \n");
    assertEquals(await readPrompts(path), ["a red cat", "two dogs"]);
    await Deno.writeTextFile(path, "\n");
    await assertRejects(() => readPrompts(path), UsageError, "empty");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("what is not there is a usage error that names the nearest list", async () => {
  await assertRejects(() => readPrompts("simple_animal"), UsageError, "did you mean simple_animals?");
  await assertRejects(() => readPrompts("./nowhere.txt"), UsageError, "no such file: ./nowhere.txt");
  await assertRejects(() => readPrompts("./"), UsageError, "it is a folder: ./");
});

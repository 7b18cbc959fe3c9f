import { assertEquals, assertRejects } from "@std/assert";
import { fileURLToPath } from "node:url";
import { parts } from "../../../pipelines/pretrain/parts.ts";
import { readRecipe } from "../../../pipelines/pretrain/recipe.ts";
import { UsageError } from "../../../pipelines/usage_error.ts";

Deno.test("readRecipe: the recipe of the embedded model tells of every part", async () => {
  const path = fileURLToPath(new URL("../../../pipelines/configs/pretrain.yaml", import.meta.url));
  const { seed, schedules } = await readRecipe(path, Object.keys(parts));
  assertEquals(seed, 42);
  assertEquals(Object.keys(schedules), Object.keys(parts));
});

Deno.test("readRecipe: what is missing or wrong is named", async () => {
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  const vae = "steps: 1, batch: 2, learning_rate: 1e-3, weight_decay: 0";
  const cases: readonly (readonly [string, string])[] = [
    ["seed: 1", "its vae is wrong"],
    [`seed: x\nvae: { ${vae}, ema: 0 }`, "its seed is wrong"],
    [`seed: 1\nvae: { ${vae} }`, "its vae.ema is wrong"],
    [`seed: 1\nvae: { ${vae}, ema: 1 }`, "its vae.ema is wrong"],
    ["seed: [", "no YAML"],
  ];
  try {
    for (const [text, message] of cases) {
      await Deno.writeTextFile(path, text);
      await assertRejects(() => readRecipe(path, ["vae"]), UsageError, message);
    }
  } finally {
    await Deno.remove(path);
  }
  await assertRejects(() => readRecipe(path, ["vae"]), UsageError, "there is no such file");
});

import { assertEquals, assertGreater, assertMatch, assertStringIncludes } from "@std/assert";
import {
  checkConfig,
  configHelp,
  configTemplate,
  listFields,
  parseConfig,
  showConfig,
} from "../../../pipelines/config/mod.ts";
import { methods } from "../../../lib/methods/mod.ts";

Deno.test("every field has a type, a default, a doc and a place in the help", () => {
  const fields = listFields("fixed");
  const help = configHelp();
  assertGreater(fields.length, 50);
  for (const { name, type, initial, doc } of fields) {
    assertMatch(doc, /^[A-Z]/, name);
    assertMatch(type, /\w/, name);
    assertEquals(initial === undefined, false, name);
    assertStringIncludes(help, `  ${name} `);
  }
});

Deno.test("a configuration that is shown reads back the same, in both readings", () => {
  for (const compat of ["fixed", "official"]) {
    const config = checkConfig({
      compat,
      seed: 7,
      train: { learning_rate: 3e-4, adv_clip_max: 5 },
      model: "010",
    });
    assertEquals(checkConfig(parseConfig(showConfig(config), "shown")), config);
  }
  for (const { name: method } of methods) {
    for (const compat of ["fixed", "official"]) {
      const config = checkConfig({ method, compat });
      assertEquals(checkConfig(parseConfig(showConfig(config), "shown")), config);
    }
  }
  assertStringIncludes(
    showConfig(checkConfig({ method: "grpo" })),
    "fixed: null, official: 0.9\n  ema_decay: null",
  );
  const rewards = { train: { gold: 2, "/home/a b/my: own.ts": 0.5 }, evaluate: [] };
  const several = checkConfig({ rewards });
  assertEquals(several.rewards.train, rewards.train);
  assertEquals(checkConfig(parseConfig(showConfig(several), "shown")), several);
  const without = checkConfig({ per_prompt_stat_tracking: null });
  assertEquals(checkConfig(parseConfig(showConfig(without), "shown")), without);
});

Deno.test("the embedded default is the template, and holds the defaults", async () => {
  const path = new URL("../../../pipelines/configs/mini.yaml", import.meta.url);
  const text = await Deno.readTextFile(path);
  assertEquals(text, configTemplate(), "print it anew: attune config > pipelines/configs/mini.yaml");
  assertEquals(checkConfig(parseConfig(text, "mini.yaml")), checkConfig({}));
  assertEquals(
    checkConfig({ ...parseConfig(text, "mini.yaml"), compat: "official" }),
    checkConfig({ compat: "official" }),
  );
});

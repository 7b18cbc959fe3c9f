import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { parseConfig, type RawConfig, readConfig, withSetting } from "../../../pipelines/config/mod.ts";
import { UsageError } from "../../../pipelines/usage_error.ts";

Deno.test("settings are read as YAML and applied in order", () => {
  const settings = [
    "seed=7",
    "train.learning_rate=1e-3",
    "rewards.evaluate=[gold, symmetry]",
    "critic.inputs.prompt=true",
    "train.adv_clip_max=null",
    "model=a=b",
    "seed=8",
  ];
  const raw = settings.reduce<RawConfig>(withSetting, { train: { batch_size: 4 } });
  assertEquals(raw, {
    seed: 8,
    train: { batch_size: 4, learning_rate: 1e-3, adv_clip_max: null },
    rewards: { evaluate: ["gold", "symmetry"] },
    critic: { inputs: { prompt: true } },
    model: "a=b",
  });
});

Deno.test("a setting leaves the configuration it is applied to as it was", () => {
  const raw = { train: { batch_size: 4 } };
  withSetting(raw, "train.batch_size=8");
  assertEquals(raw, { train: { batch_size: 4 } });
});

Deno.test("settings that make no sense are usage errors", () => {
  for (const setting of ["seed", "=1", "train.=1", ".train=1", "seed.a=1", "seed=[1"]) {
    const error = assertThrows(() => withSetting({ seed: 3 }, setting), UsageError);
    assertStringIncludes(error.message, "Cannot");
  }
});

Deno.test("a file must be YAML and hold a mapping", () => {
  assertEquals(parseConfig("", "a.yaml"), {});
  assertEquals(parseConfig("seed: 3\n", "a.yaml"), { seed: 3 });
  assertThrows(() => parseConfig("- 1\n", "a.yaml"), UsageError, "a.yaml");
  assertThrows(() => parseConfig("seed: 1\nseed: 2\n", "a.yaml"), UsageError, "a.yaml");
});

Deno.test("a file is read, completed and overruled by settings", async () => {
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(path, "seed: 3\nsample:\n  num_steps: 20\n");
    const config = await readConfig({ config: path, set: ["sample.num_steps=16"] });
    assertEquals([config.seed, config.sample.num_steps, config.sample.eta], [3, 16, 1]);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a file that is not there is a usage error", async () => {
  await assertRejects(
    () => readConfig({ config: "/nowhere/a.yaml" }),
    UsageError,
    "no such file: /nowhere/a.yaml",
  );
});

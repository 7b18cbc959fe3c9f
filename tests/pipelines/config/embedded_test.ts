import { assert, assertEquals, assertRejects } from "@std/assert";
import { rewardCatalogue } from "../../../lib/rewards/catalogue.ts";
import { samplesPerEpoch } from "../../../lib/stages/options.ts";
import {
  checkConfig,
  embeddedConfigs,
  parseConfig,
  type RawConfig,
  readConfig,
} from "../../../pipelines/config/mod.ts";
import { overlaid } from "../../../pipelines/config/tree.ts";
import { readPrompts } from "../../../pipelines/prompts.ts";
import { UsageError } from "../../../pipelines/usage_error.ts";

const names = await embeddedConfigs();
const models = names.filter((name) => name.startsWith("sd14-"));
const presets = names.filter((name) => name.startsWith("memory-"));

async function embedded(name: string): Promise<RawConfig> {
  const path = new URL(`../../../pipelines/configs/${name}.yaml`, import.meta.url);
  return parseConfig(await Deno.readTextFile(path), name);
}

/** What a configuration asks of rewards. */
function rewardsOf({ rewards }: RawConfig): { readonly train: string; readonly evaluate: readonly string[] } {
  return rewards as { train: string; evaluate: string[] };
}

/** Checks a configuration; rewards that are not there yet are left to the test of their names. */
function check(raw: RawConfig) {
  const { train, evaluate } = rewardsOf(raw);
  const isThere = [train, ...evaluate].every((name) => Object.hasOwn(rewardCatalogue, name));
  return checkConfig(isThere ? raw : { ...raw, rewards: {} });
}

Deno.test("Stable Diffusion's configurations have the reference implementation's hyper-parameters", async () => {
  assertEquals(models, ["sd14-aesthetic", "sd14-hpsv2", "sd14-pickscore"]);
  const all = ["aesthetic", "hpsv2", "imagereward", "pickscore"];
  for (const name of models) {
    const raw = await embedded(name);
    const { train, evaluate } = rewardsOf(raw);
    assertEquals(`sd14-${train}`, name);
    assertEquals([train, ...evaluate].sort(), all);
    for (const compat of ["fixed", "official"]) {
      const { sample, train, reset, critic, lora, prompts, ...others } = check({ ...raw, compat });
      assertEquals([sample.num_steps, sample.guidance_scale, sample.eta], [50, 5, 1]);
      assertEquals(samplesPerEpoch({ sample }), 256);
      assertEquals(train.batch_size * train.gradient_accumulation_steps, 128);
      assertEquals([train.learning_rate, train.critic_learning_rate, train.clip_range], [1e-4, 1e-4, 1e-4]);
      assertEquals([train.clip_range_critic, train.max_grad_norm, train.shuffle_timestep], [0.2, 1, true]);
      assertEquals([train.adam_beta1, train.adam_beta2, train.adam_weight_decay], [0.9, 0.999, 1e-4]);
      assertEquals([train.adv_clip_max, train.num_inner_epochs, train.cfg], [null, 1, true]);
      assertEquals([reset.mode, reset.frequency, reset.tau], ["active", 10, 0]);
      assertEquals(critic.hidden, [1024, 128, 64, 16]);
      assertEquals([lora?.rank, lora?.targets.length], [4, 4]);
      assertEquals(others.per_prompt_stat_tracking, { buffer_size: 32, min_count: 16 });
      assertEquals([others.num_epochs, others.kl_penalty_coef, others.gamma, others.seed], [100, 0, 1, 42]);
      assertEquals((await readPrompts(prompts)).length, 45);
    }
  }
});

Deno.test("memory presets change how work is cut up, not how much goes into an epoch or an update", async () => {
  assertEquals(presets, ["memory-12gb", "memory-16gb", "memory-24gb", "memory-6gb", "memory-8gb"]);
  for (const model of models) {
    const base = await embedded(model);
    const whole = check(base);
    for (const preset of presets) {
      const raw = overlaid(base, await embedded(preset));
      assertEquals(rewardsOf(raw).train, rewardsOf(base).train);
      const { sample, train, rewards: _, mixed_precision, ...others } = check(raw);
      assertEquals(mixed_precision, preset === "memory-24gb" ? "stored" : "f16_weights");
      assertEquals(samplesPerEpoch({ sample }), samplesPerEpoch(whole), preset);
      assertEquals(
        train.batch_size * train.gradient_accumulation_steps,
        whole.train.batch_size * whole.train.gradient_accumulation_steps,
        preset,
      );
      const cut = [
        "batch_size",
        "num_batches_per_epoch",
        "vae_tiling",
        "gradient_accumulation_steps",
        "gradient_checkpointing",
      ];
      const uncut = (section: object) => Object.entries(section).filter(([key]) => !cut.includes(key));
      assertEquals([uncut(sample), uncut(train)], [uncut(whole.sample), uncut(whole.train)], preset);
      const { sample: _sample, train: _train, rewards: _rewards, mixed_precision: _stored, ...wholeOthers } =
        whole;
      assertEquals(others, wholeOthers, preset);
    }
  }
});

Deno.test("every embedded configuration is read by its name, alone or over another", async () => {
  for (const name of names) {
    if (models.includes(name)) continue;
    const { rewards, ...others } = await embedded(name);
    check({ ...others, rewards: { train: "colourfulness", evaluate: [], ...rewards as object } });
  }
  assertEquals(await readConfig({ config: "mini" }), checkConfig({}));
  const both = await readConfig({ config: ["mini", "memory-16gb"], set: ["train.batch_size=8"] });
  assertEquals([both.sample.batch_size, both.train.batch_size, both.sample.num_steps], [8, 8, 8]);
  await assertRejects(() => readConfig({ config: "memory-7gb" }), UsageError, "did you mean memory-6gb?");
  await assertRejects(
    () => readConfig({ config: "pretrain-all" }),
    UsageError,
    "there are hack, memory-12gb, ",
  );
});

Deno.test("sections are merged, and values replaced, lists and mappings among them", () => {
  const base = { a: { b: 1, c: { d: 2 } }, e: [1, 2], f: null };
  assertEquals(overlaid(base, { a: { c: { g: 3 } }, e: [3], f: { h: 4 } }), {
    a: { b: 1, c: { d: 2, g: 3 } },
    e: [3],
    f: { h: 4 },
  });
  assertEquals(base.a.c, { d: 2 });
  const weighted = { rewards: { train: { gold: 1 }, combine: "weighted_z" } };
  assertEquals(overlaid(weighted, { rewards: { train: { mini_pick: 1 } } }), {
    rewards: { train: { mini_pick: 1 }, combine: "weighted_z" },
  });
});

Deno.test("animals that are held out are those of AlignProp's evaluation, and not trained on", async () => {
  const heldOut = await readPrompts("held_out_animals");
  assertEquals(heldOut, ["snail", "hippopotamus", "cheetah", "crocodile", "lobster", "octopus"]);
  const seen = await readPrompts("simple_animals");
  assert(heldOut.every((animal) => !seen.includes(animal)));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(seen.join("\n")));
  // Of the list that DDPO trains on, in its order, which the reference implementation has too.
  assertEquals(new Uint8Array(digest).toHex().slice(0, 16), "f6775ca73413cbd2");
});

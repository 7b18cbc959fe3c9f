import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { Options } from "../../../lib/stages/options.ts";
import { methods } from "../../../lib/methods/mod.ts";
import { parseCriticConfig } from "../../../lib/models/critic_config.ts";
import {
  checkConfig,
  combinationOf,
  criticConfigOf,
  guardBlindSpots,
  listFields,
  type RawConfig,
  renamedRewards,
  trainedNames,
} from "../../../pipelines/config/mod.ts";
import { UsageError } from "../../../pipelines/usage_error.ts";

function problem(raw: RawConfig): string {
  return assertThrows(() => checkConfig(raw), UsageError).message;
}

Deno.test("an empty configuration has the defaults, and is what the stages take", () => {
  const config = checkConfig({});
  const options: Options = config;
  assertEquals(options.seed, 42);
  assertEquals(config.sample.num_steps, 8);
  assertEquals(config.train.adv_clip_max, null);
  assertEquals(config.critic.hidden, [1024, 128, 64, 16]);
});

Deno.test("switches follow the reading where they are absent or null", () => {
  const fixed = checkConfig({ critic: { init: null } });
  assertEquals([fixed.critic.init, fixed.reset.outgoing, fixed.prompts_balanced], ["fan_in", "zero", true]);
  const official = checkConfig({ compat: "official", critic: { init: null } });
  assertEquals([official.critic.init, official.reset.outgoing], ["reference", "random"]);
  assertEquals([official.critic.inputs.timestep, official.prompts_balanced], [false, false]);
});

Deno.test("a switch that is set is not touched by the reading", () => {
  const config = checkConfig({ compat: "official", critic: { init: "fan_in", inputs: { timestep: true } } });
  assertEquals([config.critic.init, config.critic.inputs.timestep], ["fan_in", true]);
  assertEquals(config.critic.activation, "none");
});

Deno.test("a method brings defaults of its own, which what is set overrides", () => {
  const fields = listFields("fixed").map(({ name }) => name);
  for (const { name: method, defaults } of methods) {
    for (const compat of ["fixed", "official"] as const) {
      const unknown = Object.keys(defaults[compat]).filter((name) => !fields.includes(name));
      assertEquals(unknown, [], method);
      for (const isWhole of [false, true]) {
        const config = checkConfig({ method, compat, ...isWhole && { lora: null } });
        for (const { name, initial } of listFields(compat, method, isWhole)) {
          const found = name.split(".").reduce(
            (node: unknown, key) => (node as RawConfig | null)?.[key],
            config,
          );
          if (found !== undefined && name !== "compat") {
            assertEquals(found, initial, `${method} ${compat} ${name}`);
          }
        }
      }
    }
  }
  const config = checkConfig({ method: "ddpo", train: { adv_clip_max: null, timesteps_per_update: 3 } });
  assertEquals([config.train.adv_clip_max, config.train.timesteps_per_update], [null, 3]);
  assertEquals(
    checkConfig({ method: "ddpo", per_prompt_stat_tracking: null }).per_prompt_stat_tracking,
    null,
  );
  assertEquals(
    checkConfig({ method: "grpo", compat: "official", train: { drop_last_steps: null } }).train
      .drop_last_steps,
    1,
  );
});

Deno.test("without adapters the policy's learning rate starts a hundred times lower, whatever the method", () => {
  for (const { name: method } of methods) {
    const rate = (more: RawConfig) => checkConfig({ method, ...more }).train.learning_rate;
    assertEquals(rate({ lora: null }), rate({}) * 0.01, method);
    assertEquals(rate({ lora: null, train: { learning_rate: 0.5 } }), 0.5);
  }
  assertEquals(checkConfig({ lora: { rank: 2 } }).lora?.targets.length, 4);
});

Deno.test("an unknown key names the nearest field", () => {
  const cases: readonly (readonly [RawConfig, string])[] = [
    [{ train: { clip_rage: 1 } }, "no such field: train.clip_rage; did you mean train.clip_range?"],
    [{ clip_range: 1 }, "no such field: clip_range; did you mean train.clip_range?"],
    [{ sampel: {} }, "no such field: sampel; did you mean sample?"],
    [{ critic: { inputs: { timesteps: true } } }, "did you mean critic.inputs.timestep?"],
    [{ train: { learning_rate_critic: 1 } }, "is called train.critic_learning_rate here"],
    [{ sample: { neuron_reset_freq: 1 } }, "is called reset.frequency here"],
    [{ qqqqqqqq: 1 }, "no such field: qqqqqqqq"],
  ];
  for (const [raw, expected] of cases) assertStringIncludes(problem(raw), expected);
});

Deno.test("a method is refused the rewards and the noise that it cannot learn from", () => {
  const compressible = { method: "draft", rewards: { train: "jpeg_compressibility" } };
  for (const word of ["draft", "jpeg_compressibility", "mini_aesthetic", "colourfulness"]) {
    assertStringIncludes(problem(compressible), word);
  }
  assertStringIncludes(problem({ sample: { eta: 0 } }), "Cannot train by tdpo-r");
  assertEquals(checkConfig({ method: "refl" }).rewards.train, "mini_aesthetic");
});

Deno.test("a wrong value names the field, what it takes and what was found", () => {
  const cases: readonly (readonly [RawConfig, string])[] = [
    [{ seed: -1 }, "seed must be a whole number from 0: -1"],
    [{ seed: "a" }, 'seed must be a whole number from 0: "a"'],
    [{ sample: { num_steps: 1.5 } }, "sample.num_steps must be a whole number from 1 to 1000: 1.5"],
    [{ sample: { eta: -1 } }, "sample.eta must be a number from 0 to 1: -1"],
    [{ train: { adam_beta1: 1 } }, "train.adam_beta1 must be a number from 0 to below 1: 1"],
    [{ train: { learning_rate: Infinity } }, "train.learning_rate"],
    [{ method: "ppo" }, "method must be tdpo-r | tdpo | ddpo"],
    [{ train: { timestep_window: [1] } }, "train.timestep_window must be ["],
    [
      { rewards: { train: 3 } },
      "rewards.train must be a text or list of [text] or mapping to [number from 0]: 3",
    ],
    [{ rewards: { train: ["gold", 3] } }, '[number from 0]: ["gold",3]'],
    [{ rewards: { train: { gold: NaN } } }, '[number from 0]: {"gold":"NaN"}'],
    [{ rewards: { train: { gold: -1 } } }, '[number from 0]: {"gold":-1}'],
    [{ rewards: { train: [] } }, "[number from 0]: []"],
    [
      { rewards: { constraints: { levels: { gold: NaN } } } },
      'levels must be a mapping to [number]: {"gold":"NaN"}',
    ],
    [{ compat: "both" }, 'compat must be fixed | official: "both"'],
    [{ sample: 3 }, "sample must be a section: 3"],
    [
      { lora: { targets: ["to_x"] } },
      'lora.targets must be a list of [to_q | to_k | to_v | to_out.0]: ["to_x"]',
    ],
    [{ critic: { hidden: [] } }, "critic.hidden"],
    [{ reset: { outgoing: "none" } }, "reset.outgoing must be zero | random"],
  ];
  for (const [raw, expected] of cases) {
    assertStringIncludes(problem(raw), expected);
    assertEquals(problem(raw).includes("\n"), false);
  }
});

Deno.test("of several problems the unknown key comes first, and the others are counted", () => {
  const message = problem({ seed: -1, sample: { num_stepz: 3 } });
  assertStringIncludes(message, "did you mean sample.num_steps? (and 1 more)");
});

Deno.test("values that cannot go together are errors", () => {
  const cases: readonly (readonly [RawConfig, string])[] = [
    [{ train: { batch_size: 7 } }, "do not fill optimizer steps"],
    [{ train: { drop_last_steps: 8 } }, "no step is left"],
    [{ method: "grpo", sample: { group_size: 5 } }, "do not fill groups"],
    [{ method: "tdpo", reset: { mode: "all" } }, "with method tdpo-r it does"],
    [{ rewards: { train: "mini_astetic" } }, "no such reward: mini_astetic; did you mean mini_aesthetic?"],
    [{ rewards: { evaluate: ["gold", "silver_medal"] } }, "no such reward: silver_medal"],
    [{ rewards: { train: ["gold", "mini_pik"] } }, "no such reward: mini_pik; did you mean mini_pick?"],
    [{ rewards: { train: ["gold", "gold"] } }, "rewards.train as it names a reward twice: gold"],
    [{ rewards: { train: {} } }, "rewards.train as it names no reward"],
    [{ rewards: { train: { gold: 0, mini_pick: 0 } } }, "the weights of rewards.train sum to 0"],
    [
      { rewards: { train: "gold", combine: "constraints" } },
      "constraints takes two or more in rewards.train: gold",
    ],
    [
      { rewards: { train: { gold: 2, mini_pick: 1 }, combine: "worst_case" } },
      "worst_case weighs none: 2, 1",
    ],
    [constrained({ gold: 1 }), "gold is the first of rewards.train, which is raised"],
    [
      constrained({ mini_hps: 1 }),
      "mini_hps of rewards.constraints.levels is none of rewards.train: gold, mini_pick",
    ],
    [{ critic: { encoder: "jpeg_compressibility" } }, "there are reward, latents, unet, mini_aesthetic"],
    [{ critic: { encoder: "unet", sees: "predicted" } }, "set critic.sees=noisy, or another critic.encoder"],
    [{ critic: { hidden: [8], dropout: [0.1, 0.1] } }, "critic.hidden has 1 layers: 2 rates"],
    [{ lora: null, reset: { of: "policy" } }, "set reset.of=critic or reset.mode=none"],
    [{ per_prompt_stat_tracking: { buffer_size: 8 } }, "16 of 8"],
  ];
  for (const [raw, expected] of cases) assertStringIncludes(problem(raw), expected);
});

Deno.test("several rewards are a list, or a mapping to weights, and the first is the one that is raised", () => {
  const read = (train: unknown) => checkConfig({ rewards: { train } }).rewards;
  assertEquals(combinationOf(read("gold")).weights, { gold: 1 });
  assertEquals(combinationOf(read(["mini_pick", "./own.ts"])).weights, { mini_pick: 1, "./own.ts": 1 });
  const weighted = read({ mini_pick: 0.5, gold: 2 });
  assertEquals(trainedNames(weighted.train), ["mini_pick", "gold"]);
  const own = renamedRewards(
    { ...weighted, constraints: { ...weighted.constraints, levels: { gold: 3 } } },
    (x) => `/${x}`,
  );
  assertEquals(combinationOf(own).weights, { "/mini_pick": 0.5, "/gold": 2 });
  assertEquals(own.constraints.levels, { "/gold": 3 });
  assertEquals(own.evaluate, weighted.evaluate.map((name) => `/${name}`));
});

Deno.test("a guard that is set and sees nothing is an error; the default one does without", () => {
  const cases: readonly (readonly [RawConfig, string])[] = [
    [{ guard: { diversity: 0.5 }, evaluate: { seeds: 1 } }, "guard.diversity as evaluate.seeds is 1"],
    [{ guard: { mean_fall: 0.2 }, evaluate: { every: 0 } }, "guard.mean_fall as evaluate.every is 0"],
    [
      { guard: { reward_fall: 0.2 }, rewards: { evaluate: [] } },
      "guard.reward_fall as rewards.evaluate names no",
    ],
    [
      { guard: { kl: 10, evaluations: 1 }, images: { every: 0 }, evaluate: { every: 0 } },
      "guard.kl as evaluate.every and images.every are 0",
    ],
    [{ guard: { kl: 10 }, method: "draft" }, "guard.kl as sample.eta is 0"],
    [{ guard: { evaluations: 4 } }, "guard.evaluations as num_epochs 15 and evaluate.every 5 make 3 only"],
    [{ guard: { gradient: 1 } }, "guard.gradient must be a number above 1"],
    [{ guard: { action: "warn" } }, "guard.action must be rollback | stop | none"],
  ];
  for (const [{ guard, ...others }, expected] of cases) {
    assertStringIncludes(problem({ guard, ...others }), expected);
    checkConfig(others);
    if (!expected.includes(" must be ")) {
      checkConfig({ guard: { ...guard as object, action: "none" }, ...others });
    }
  }
  assertEquals(guardBlindSpots(checkConfig({})), []);
});

Deno.test("per-prompt statistics can be turned off", () => {
  assertEquals(checkConfig({ per_prompt_stat_tracking: null }).per_prompt_stat_tracking, null);
});

Deno.test("the critic's section becomes a config that the model takes", () => {
  const { critic } = checkConfig({ compat: "official", critic: { inputs: { prompt: true } } });
  const config = criticConfigOf(critic, 64, 96);
  assertEquals(parseCriticConfig(config), config);
  assertEquals(config.dropout, [0.2, 0.2, 0.1, 0]);
  assertEquals([config.embedding_dim, config.prompt_dim], [64, 96]);
});

function constrained(levels: Readonly<Record<string, number>>): RawConfig {
  return { rewards: { train: ["gold", "mini_pick"], combine: "constraints", constraints: { levels } } };
}

import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { fold, key } from "../../lib/core/random.ts";
import { interpreter } from "../../lib/engine/mod.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { alignprop, draft, draftLv, refl, tdpoR } from "../../lib/methods/mod.ts";
import type { Combination } from "../../lib/stages/combine/combination.ts";
import { prepare, type Setup } from "../../lib/stages/context.ts";
import { checkMethod, type Method } from "../../lib/stages/method.ts";
import type { BackpropOptions, Options } from "../../lib/stages/options.ts";
import { pretrainingProgram } from "../../lib/stages/pretraining.ts";
import { firstPredicted, keptSteps } from "../../lib/stages/reward_lessons.ts";
import { type Epoch, train } from "../../lib/stages/train.ts";
import { imageSchedule } from "../../lib/stages/training_schedule.ts";
import { assertClose } from "../assert_close.ts";
import { toyGradientReward, toyModels, toyOptions, toyReward, toySetup } from "./toy.ts";

const STEPS = 5;
const gpu = gpuRuntime(await openGpu(navigator.gpu));
const graded = toyGradientReward(interpreter());

Deno.test("keptSteps: a step has a gradient as often as AlignProp says, drawn once or for each", () => {
  for (const truncation of ["trajectory", "each_step"] as const) {
    const options = optionsOf({ truncation });
    const draws = Array.from({ length: 6000 }, (_, i) => keptSteps(options, fold(key(8), i)));
    for (let step = 0; step < STEPS; step++) {
      const share = draws.filter((kept) => kept[step]).length / draws.length;
      assertClose([share], [(step + 1) / (STEPS + 1)], 0.1, `${truncation}, step ${step}`);
    }
    const ordered = draws.every((kept) =>
      kept.lastIndexOf(false) < kept.indexOf(true) || !kept.includes(true)
    );
    assertEquals(ordered, truncation === "trajectory");
  }
  assertEquals(keptSteps(optionsOf({ last_steps: 2 }), key(8)), [false, false, false, true, true]);
  assertEquals([0.75, 0.8, 0].map((predict_from) => firstPredicted(optionsOf({ predict_from }))), [3, 4, 0]);
});

Deno.test("imageSchedule: every sample once, in micro-batches", () => {
  const [step, ...others] = imageSchedule(key(9), optionsOf({}));
  assertEquals(others, []);
  assertEquals(step!.policy.map(({ rows }) => rows.length), [2, 2, 2, 2]);
  assertEquals(step!.policy.flatMap(({ rows }) => rows).toSorted(), [0, 1, 2, 3, 4, 5, 6, 7]);
});

const cases: readonly (readonly [Method, Partial<BackpropOptions>, number])[] = [
  [alignprop, { truncation: "trajectory" }, 1],
  [alignprop, { truncation: "each_step", loss: "distance", target: 9 }, 1],
  [draft, { last_steps: 2 }, 1],
  [draftLv, { renoised: 2 }, 3],
  [refl, { loss: "shortfall", target: 9 }, 2],
  [refl, { loss: "shortfall", target: 9, pretrain_weight: 0.1 }, 2],
];

for (const [method, backprop, judged] of cases) {
  const name = `${method.name} ${JSON.stringify(backprop)}`;
  Deno.test(`${name}: the reward rises, on the GPU as on the interpreter, and no memory is left behind`, async () => {
    const options = { ...optionsOf(backprop), num_epochs: 12 };
    const epochs = await all(train(await prepare(setupOf(method, options))));
    const rewards = epochs.map(({ metrics }) => metrics.rewards.toy!.mean);
    assertGreater(rewards.at(-1)!, rewards[0]! + 0.2, `${rewards}`);
    assertEquals(epochs[1]!.metrics.reward_queries, 2 * 8 * judged);

    const setup = setupOf(method, options);
    const ctx = await prepare({
      ...{ ...setup, runtime: gpu, models: toyModels(gpu) },
      rewards: { train: toyGradientReward(gpu), evaluate: [] },
    });
    const peaks: number[] = [];
    const found: Epoch[] = [];
    for await (const epoch of train(ctx)) {
      found.push(epoch);
      peaks.push(gpu.peakBytes());
    }
    ctx.free();
    assertClose(found[0]!.state.policy.m, epochs[0]!.state.policy.m, 1e-4, `${name}: moments`);
    assertEquals(new Set(peaks.slice(6)).size, 1, `${name}: ${peaks}`);
  });
}

Deno.test("refl: the pretraining loss is the mean over an epoch's samples, whatever steps policy gradients would learn from", async () => {
  const gradient = async (pretrain_weight: number, drop_last_steps: number) => {
    const { train: training, ...options } = optionsOf({ pretrain_weight });
    const whole = { timesteps_per_update: null, max_grad_norm: 1e9, drop_last_steps };
    const ctx = await prepare(setupOf(refl, { ...options, num_epochs: 1, train: { ...training, ...whole } }));
    if (pretrain_weight === 0) assertThrows(() => ctx.programs.of(pretrainingProgram), TypeError);
    return (await all(train(ctx)))[0]!.state.policy.m;
  };
  const [none, once, twice] = [await gradient(0, 0), await gradient(1, 0), await gradient(2, 0)];
  assertClose(await gradient(1, 2), once, 1e-6, "steps dropped");
  assertClose(twice, none.map((m, i) => 2 * once[i]! - m), 1e-5, "twice the weight");
  assert(once.some((m, i) => Math.abs(m - none[i]!) > 1e-4), "nothing was added");
});

Deno.test("what a method cannot be run with is refused, by name", () => {
  const options = optionsOf({});
  const { train, sample } = options;
  const twofold: Combination = {
    combine: "weighted_z",
    weights: { graded: 1, toy: 1 },
    constraints: { learning_rate: 1, max: 1, levels: {} },
    worst_case: { softness: 0 },
  };
  const refused: readonly (readonly [Method, Options, readonly string[]])[] = [
    [tdpoR, options, ["tdpo-r", "sample.eta 0"]],
    [draft, { ...options, train: { ...train, gradient_accumulation_steps: 2 } }, [
      "draft",
      "2",
      "one update",
    ]],
    [alignprop, { ...options, train: { ...train, cfg: false } }, ["alignprop", "train.cfg"]],
    [draft, { ...options, backprop: { ...options.backprop, last_steps: 6 } }, [
      "last_steps 6",
      "num_steps 5",
    ]],
    [draft, { ...options, combination: twofold }, ["draft", "one reward", "graded, toy"]],
    [draftLv, options, ["draft-lv", "renoised"]],
    [draft, { ...options, backprop: { ...options.backprop, renoised: 2 } }, ["draft", "renoised 2"]],
    [draft, { ...options, train: { ...train, timestep_window: [0, 2] } }, ["draft", "timestep_window [0,2]"]],
    [refl, { ...options, kl_penalty_coef: 0.1 }, ["refl", "kl_penalty_coef 0.1"]],
    [refl, { ...options, train: { ...train, shuffle_advantages: true } }, ["refl", "shuffle_advantages"]],
  ];
  for (const [method, options, words] of refused) {
    const { message } = assertThrows(() => checkMethod(method, options, graded), RangeError);
    for (const word of words) assert(message.includes(word), message);
  }
  assertThrows(() => checkMethod(draft, options, toyReward), RangeError, "toy");
  checkMethod(draft, options, graded);
  checkMethod(tdpoR, { ...options, sample: { ...sample, eta: 1 } }, toyReward);
});

function optionsOf(backprop: Partial<BackpropOptions>): Options {
  return {
    ...toyOptions,
    sample: { ...toyOptions.sample, num_steps: STEPS, eta: 0 },
    train: { ...toyOptions.train, learning_rate: 5e-2, gradient_accumulation_steps: 4 },
    backprop: { ...toyOptions.backprop, ...backprop },
  };
}

function setupOf(method: Method, options: Options): Setup {
  return { ...toySetup(options, {}, method), rewards: { train: graded, evaluate: [] } };
}

async function all(epochs: AsyncIterable<Epoch>): Promise<Epoch[]> {
  const list: Epoch[] = [];
  for await (const epoch of epochs) list.push(epoch);
  return list;
}

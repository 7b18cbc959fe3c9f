import { assertEquals } from "@std/assert";
import { type FloatTensor, type ParamTree, tensor } from "../../lib/core/tensor.ts";
import { ddimSchedule } from "../../lib/diffusion/ddim.ts";
import { interpreter } from "../../lib/engine/mod.ts";
import { newOptimizer } from "../../lib/optim/adamw.ts";
import { flatLayout, packParams, unpackParams } from "../../lib/optim/flat.ts";
import { emptyMemory } from "../../lib/stages/combine/reward_memory.ts";
import { prepare } from "../../lib/stages/context.ts";
import { discountedReturns, temporalRewards } from "../../lib/stages/critique.ts";
import { descend } from "../../lib/stages/descend.ts";
import type { Critiqued, UpdateLog } from "../../lib/stages/records.ts";
import type { OptimizerStep } from "../../lib/stages/training_schedule.ts";
import { assertClose } from "../assert_close.ts";
import { below, goldenRecord, goldenTensors } from "../golden_files.ts";
import { goldenOptions, type GoldenRun, microBatchesAt, renamed, SAMPLES, STEPS } from "./golden_toy.ts";
import { scheduler, toyModels, toySetup } from "./toy.ts";

interface Golden extends GoldenRun {
  readonly clip_range_critic: number;
  readonly critic: { readonly init: string; readonly activation: string };
  readonly timesteps: readonly number[];
}

for (const name of ["tdpo_official", "tdpo_fixed"]) {
  Deno.test(`${name}: ten updates in a row are those of PyTorch`, async () => {
    const tensors = await goldenTensors(name);
    const golden = await goldenRecord<Golden>(name);
    const { activation, init } = golden.critic;
    const models = {
      seesPrompt: false,
      critic: { activation, init: init === "official" ? "reference" : init },
    };
    const ctx = await prepare({
      ...toySetup(goldenOptions(golden, { clip_range_critic: golden.clip_range_critic }), models),
    });
    assertEquals(ctx.schedule, ddimSchedule(scheduler, STEPS, 1));
    assertEquals(ctx.schedule.map(({ timestep }) => timestep), [...golden.timesteps]);

    const pack = (part: "policy" | "critic", prefix: string) =>
      packParams(ctx.layouts[part]!, renamed(below(tensors, `${prefix}.${part}.`)));
    const critiqued = critiquedOf(tensors);
    const start = {
      policy: newOptimizer(pack("policy", "initial")),
      critic: newOptimizer(pack("critic", "initial"), true),
      ema: null,
    };
    const { policy, critic, updates } = await descend(start, critiqued, scheduleOf(golden), [0, 0], ctx);

    compareLogs(updates, tensors);
    for (const [part, found] of [["policy", policy], ["critic", critic]] as const) {
      assertEquals(found!.step, 10);
      assertClose(found!.params, pack(part, "final"), 1e-5, `final ${part}`);
    }
  });

  Deno.test(`${name}: temporal rewards from returns and residuals`, async () => {
    const tensors = await goldenTensors(name);
    const returns = discountedReturns(tensors["input.rewards"]!.data, STEPS, null, 1);
    assertEquals(returns.data, tensors["old.returns"]!.data);
    const found = temporalRewards(returns, tensors["old.residuals"]!);
    assertClose(found.data, tensors["old.temporal_rewards"]!.data, 1e-6, "temporal rewards");
  });
}

Deno.test("layouts: the toy's parameters survive being packed", () => {
  const { policy } = toyModels(interpreter());
  const layout = flatLayout(policy.specs);
  const flat = Float32Array.from({ length: layout.length }, (_, i) => i);
  const tree = unpackParams(layout, flat);
  assertEquals(Object.keys(tree), ["w1", "u", "b1", "w2", "b2"]);
  assertEquals(unpackParams(layout, packParams(layout, tree)), tree);
});

/** The order of the golden run: two micro-batches of two neighbours to an update. */
function scheduleOf(golden: Golden): OptimizerStep[] {
  const each = golden.microbatch * golden.gradient_accumulation_steps;
  return Array.from({ length: STEPS * SAMPLES / each }, (_, i) => {
    const batches = microBatchesAt(golden, each * i % SAMPLES, Math.floor(each * i / SAMPLES));
    return { policy: batches, critic: batches };
  });
}

function critiquedOf(tensors: ParamTree): Critiqued {
  const of = (name: string): FloatTensor => tensors[name]!;
  return {
    epoch: 0,
    prompts: Array<string>(SAMPLES).fill("a cat"),
    promptRows: Array<number>(SAMPLES).fill(0),
    latents: tensor([SAMPLES, STEPS + 1, 1, 1, 6], of("input.latents").data),
    logProbs: of("old.log_probs"),
    observed: { embeddings: of("input.embeddings"), residuals: of("old.residuals") },
    baseLogProbs: null,
    images: tensor([0], []),
    rewards: of("input.rewards").data,
    scores: {},
    returns: of("old.returns"),
    temporalRewards: of("old.temporal_rewards"),
    explained: null,
    promptStatistics: {},
    rewardMemory: emptyMemory,
    combined: null,
  };
}

function compareLogs(updates: readonly UpdateLog[], tensors: ParamTree): void {
  const log = (name: string) => tensors[`log.${name}`]!.data;
  const column = (pick: (update: UpdateLog) => number) => updates.map(pick);
  const compare = (name: string, pick: (update: UpdateLog) => number, tol = 1e-5) =>
    assertClose(column(pick), log(name), tol, name);
  compare("loss", (update) => update.policy_loss! + update.critic_loss!);
  compare("policy_loss", (update) => update.policy_loss!);
  compare("critic_loss", (update) => update.critic_loss!);
  compare("clip_fraction", (update) => update.clip_fraction!, 0);
  compare("critic_clip_fraction", (update) => update.critic_clip_fraction!, 0);
  compare("grad_norm.policy", (update) => update.grad_norm.policy, 2e-5);
  compare("grad_norm.critic", (update) => update.grad_norm.critic!, 2e-5);
  // The estimate is a small difference of numbers near 1.
  assertClose(column((update) => update.approx_kl!), log("approx_kl"), 2e-3, "approx_kl");
  assertClose(updates.flatMap(({ ratios }) => ratios), log("ratio"), 1e-5, "ratio");
}

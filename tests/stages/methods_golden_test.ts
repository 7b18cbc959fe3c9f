import { type ParamTree, tensor } from "../../lib/core/tensor.ts";
import { alphasCumprod } from "../../lib/diffusion/ddim.ts";
import { methodOf } from "../../lib/methods/mod.ts";
import { newOptimizer } from "../../lib/optim/adamw.ts";
import { packParams } from "../../lib/optim/flat.ts";
import { emptyMemory } from "../../lib/stages/combine/reward_memory.ts";
import { prepare } from "../../lib/stages/context.ts";
import { groupAdvantages } from "../../lib/stages/critique_groups.ts";
import { rewardWeights } from "../../lib/stages/critique_weights.ts";
import { descend } from "../../lib/stages/descend.ts";
import type { KlForm, PolicyLossForm } from "../../lib/stages/losses.ts";
import type { Options } from "../../lib/stages/options.ts";
import { policyGradient, type PolicyLesson, programLesson } from "../../lib/stages/policy_lesson.ts";
import type { Critiqued, Logged, UpdateLog } from "../../lib/stages/records.ts";
import { noised, rewardWeighted } from "../../lib/stages/reward_weighted.ts";
import { pickPlaces, type Place } from "../../lib/stages/rows.ts";
import type { OptimizerStep } from "../../lib/stages/training_schedule.ts";
import { assertClose } from "../assert_close.ts";
import { below, goldenRecord, goldenTensors } from "../golden_files.ts";
import { goldenOptions, type GoldenRun, microBatchesAt, renamed, SAMPLES, STEPS } from "./golden_toy.ts";
import { toySetup } from "./toy.ts";

interface Golden extends GoldenRun {
  readonly beta: number;
  readonly group_size: number;
  readonly cases: Readonly<Record<string, Case>>;
}

interface Case {
  readonly loss: PolicyLossForm;
  readonly kl_weight: number;
  readonly kl_form: KlForm;
}

const METHODS: Readonly<Record<string, string>> = { ddpo_sf: "ddpo-sf", dpok_kl: "dpok" };

const golden = await goldenRecord<Golden>("methods");
const tensors = await goldenTensors("methods");

for (const [name, losses] of Object.entries(golden.cases)) {
  Deno.test(`${name}: ten updates in a row are those of PyTorch`, async () => {
    const given = below(tensors, `${name}.`);
    const options = optionsOf(losses, name);
    const setup = toySetup(options, { seesPrompt: false }, {
      ...methodOf(METHODS[name] ?? name),
      check: () => {},
      lesson: name === "rwr" ? withGivenNoise(rewardWeighted) : policyGradient,
    });
    const ctx = await prepare(setup);
    const pack = (part: "policy" | "critic", from: ParamTree, prefix: string) =>
      packParams(ctx.layouts[part]!, renamed(below(from, `${prefix}${part}.`)));
    const start = {
      policy: newOptimizer(pack("policy", tensors, "initial.")),
      critic: ctx.layouts.critic && newOptimizer(pack("critic", tensors, "initial."), true),
      ema: null,
    };
    const schedule = scheduleOf(ctx.layouts.critic !== null);
    const critiqued = critiquedOf(given, ctx.layouts.critic !== null);
    const { policy, critic, updates } = await descend(start, critiqued, schedule, [0, 0], ctx);

    for (const [log, { data }] of Object.entries(below(given, "log."))) {
      assertClose(columnOf(updates, log), data, toleranceOf(log), log);
    }
    assertClose(policy.params, pack("policy", given, "final."), 1e-5, "final policy");
    if (critic) assertClose(critic.params, pack("critic", given, "final."), 1e-5, "final critic");

    // The first mean of gradients is a tenth of the first gradient, clipped.
    const first = await descend(start, critiqued, schedule.slice(0, 1), [0, 0], ctx);
    const norm = given["log.grad_norm.policy"]!.data[0]!;
    const gradient = packParams(ctx.layouts.policy, below(given, "first_grad."));
    const scale = 0.1 * Math.min(1, golden.max_grad_norm / (norm + 1e-6));
    assertClose(first.policy.m, gradient.map((g) => scale * g), 2e-5, "first gradient");
  });
}

Deno.test("groupAdvantages and rewardWeights: those of PyTorch", () => {
  const rewards = tensors["input.rewards"]!.data;
  const weights = (name: string) => {
    const { data } = tensors[`${name}.old.weights`]!;
    return Array.from({ length: SAMPLES }, (_, n) => data[n * STEPS]!);
  };
  assertClose(groupAdvantages(rewards, golden.group_size, "group"), weights("grpo"), 1e-6, "grpo");
  const options = { beta: golden.beta, per_prompt: false, percentile: null };
  assertClose(rewardWeights(rewards, Array(SAMPLES).fill("a cat"), options), weights("rwr"), 1e-6, "rwr");
});

function optionsOf({ loss, kl_weight, kl_form }: Case, name: string): Options {
  const timesteps_per_update = name.startsWith("dpok") ? 1 : null;
  return goldenOptions(golden, { loss, kl_weight, kl_form, timesteps_per_update, clip_range_critic: 0 });
}

/** The order of the golden run: an update at each position, or one of all positions, five times. */
function scheduleOf(byPosition: boolean): OptimizerStep[] {
  const { microbatch, gradient_accumulation_steps: batches } = golden;
  const at = (start: number, position: number) => microBatchesAt(golden, start, position);
  const positions = Array.from({ length: STEPS }, (_, position) => position);
  const starts = [0, microbatch * batches];
  const updates = positions.flatMap((position) =>
    starts.map((start) => byPosition ? at(start, position) : positions.flatMap((each) => at(start, each)))
  );
  return updates.map((policy) => ({ policy, critic: byPosition ? policy : [] }));
}

function critiquedOf(given: ParamTree, hasCritic: boolean): Critiqued {
  const input = (name: string) => tensors[`input.${name}`]!;
  return {
    epoch: 0,
    prompts: Array<string>(SAMPLES).fill("a cat"),
    promptRows: Array<number>(SAMPLES).fill(0),
    latents: tensor([SAMPLES, STEPS + 1, 1, 1, 6], input("latents").data),
    logProbs: given["old.log_probs"]!,
    observed: hasCritic ? { embeddings: input("embeddings"), residuals: given["old.residuals"]! } : null,
    baseLogProbs: null,
    images: tensor([0], []),
    rewards: input("rewards").data,
    scores: {},
    returns: given["old.returns"]!,
    temporalRewards: given["old.weights"]!,
    explained: null,
    promptStatistics: {},
    rewardMemory: emptyMemory,
    combined: null,
  };
}

/** The lesson at the golden run's timesteps with its noise. */
function withGivenNoise(lesson: typeof rewardWeighted): PolicyLesson {
  return programLesson({
    ...lesson,
    inputs: (critiqued, micro, ctx, from) => {
      const here = micro.rows.map((row, i): Place => [row, micro.steps[i]!]);
      const timestep = pickPlaces(tensors["input.timesteps"]!, here);
      const images = pickPlaces(critiqued.latents, micro.rows.map((row): Place => [row, STEPS]));
      const noise = tensor(images.shape, pickPlaces(tensors["input.noise"]!, here).data);
      const all = alphasCumprod(ctx.models.scheduler);
      const alphas = Array.from(timestep.data as ArrayLike<number>, (t) => all[t]!);
      const given = lesson.inputs(critiqued, micro, ctx, from);
      return { ...given, timestep, noise, x: noised(images, noise, alphas) };
    },
  });
}

function columnOf(updates: readonly UpdateLog[], log: string): number[] {
  if (log === "ratio") return updates.flatMap(({ ratios }) => ratios);
  if (log === "grad_norm.policy") return updates.map(({ grad_norm }) => grad_norm.policy);
  if (log === "grad_norm.critic") return updates.map(({ grad_norm }) => grad_norm.critic!);
  return updates.map((update) => update[log as keyof Logged]!);
}

/**
 * A share of the largest value; `approx_kl` is a small difference of numbers near 1, and the policy's loss a mean of weights of
 * either sign that cancel to a hundredth of their size.
 */
function toleranceOf(log: string): number {
  if (log === "clip_fraction") return 1e-7;
  return log === "approx_kl" ? 2e-3 : /^(policy_loss|grad_norm)/.test(log) ? 2e-5 : 1e-5;
}

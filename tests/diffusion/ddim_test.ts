import { assert, assertEquals, assertThrows } from "@std/assert";
import { full, type Tensor, tensor } from "../../lib/core/tensor.ts";
import { evaluate, grad, mul, sum, trace } from "../../lib/engine/mod.ts";
import {
  alphasCumprod,
  ddimCoefs,
  ddimKl,
  ddimLogProb,
  ddimMean,
  ddimSchedule,
  type DdimStep,
  ddimStep,
  guide,
} from "../../lib/diffusion/ddim.ts";
import { parseSchedulerConfig } from "../../lib/diffusion/scheduler_config.ts";
import { assertClose } from "../assert_close.ts";
import { below, goldenRecord, goldenTensors } from "../golden_files.ts";

interface Schedules {
  readonly config: unknown;
  readonly etas: readonly number[];
  readonly steps_offset: Readonly<Record<string, number>>;
  readonly timesteps: Readonly<Record<string, number[]>>;
  readonly error: Readonly<Record<string, string>>;
}

interface Golden {
  readonly config: unknown;
  readonly eta: number;
  readonly steps: Readonly<Record<string, { timesteps: number[]; previous_timesteps: number[] }>>;
}

const tensors = await goldenTensors("ddim");
const golden = await goldenRecord<Golden>("ddim");
const config = parseSchedulerConfig(golden.config);

Deno.test("alphasCumprod: diffusers' schedule", () => {
  assertClose(alphasCumprod(config), tensors.alphas_cumprod!.data, 1e-6, "alphas_cumprod");
});

for (const [count, { timesteps, previous_timesteps }] of Object.entries(golden.steps)) {
  const steps = ddimSchedule(config, Number(count), golden.eta);
  const given = below(tensors, `${count}.`);
  const type = given.sample!;

  Deno.test(`ddimSchedule: the timesteps and variances of ${count} steps`, () => {
    assertEquals(steps.map(({ timestep }) => timestep), timesteps);
    assertEquals(steps.map(({ previousTimestep }) => previousTimestep), previous_timesteps);
    assertClose(steps.map(({ sigma }) => sigma), given.std!.data, 1e-6, `std, ${count} steps`);
    assertClose(steps.map(({ sigma }) => sigma ** 2), given.variance!.data, 2e-5, `variance, ${count} steps`);
  });

  Deno.test(`ddimStep: diffusers' latents and the log-probabilities of ${count} steps`, () => {
    const graph = trace(({ x, eps, newEps, noise, stored, coefs, cotangent }) => {
      const logProb = ddimLogProb(x, newEps, stored, coefs);
      const [gradient] = grad(sum(mul(logProb, cotangent)), [newEps]);
      return {
        ...ddimStep(x, eps, noise, coefs),
        mean: ddimMean(x, eps, coefs),
        newLogProb: logProb,
        gradient: gradient!,
      };
    }, {
      x: type,
      eps: type,
      newEps: type,
      noise: type,
      stored: type,
      coefs: ddimCoefs(steps),
      cotangent: given.cotangent!,
    });
    const found = evaluate(graph, {
      x: given.sample!,
      eps: given.eps!,
      newEps: given.eps_new!,
      noise: given.noise!,
      stored: given.prev_sample!,
      coefs: ddimCoefs(steps),
      cotangent: given.cotangent!,
    });
    assertClose(found.mean!.data, given.mean!.data, 1e-6, `mean, ${count} steps`);
    assertClose(found.prev!.data, given.prev_sample!.data, 1e-6, `prev, ${count} steps`);
    assertClose(found.logProb!.data, given.log_prob!.data, 1e-5, `log_prob, ${count} steps`);
    assertClose(found.newLogProb!.data, given.log_prob_new!.data, 1e-5, `log_prob_new, ${count} steps`);
    assertClose(found.gradient!.data, given.grad_eps_new!.data, 1e-5, `grad_eps_new, ${count} steps`);
  });
}

const schedules = await goldenRecord<Schedules>("ddim_schedules");
const scheduled = await goldenTensors("ddim_schedules");

/** The configuration of a schedule of so many steps: 1000 begin within the table only where they end at timestep 0. */
function configOf(count: string) {
  return { ...parseSchedulerConfig(schedules.config), steps_offset: schedules.steps_offset[count]! };
}

Deno.test("ddimSchedule: from few to as many steps as there can be, diffusers' timesteps and deviations", () => {
  assertEquals(Object.keys(schedules.timesteps), ["5", "20", "50", "999", "1000"]);
  assertRelative(alphasCumprod(configOf("999")), scheduled.alphas_cumprod!.data, 1e-6, "alphas_cumprod");
  for (const [count, timesteps] of Object.entries(schedules.timesteps)) {
    for (const eta of schedules.etas) {
      const steps = ddimSchedule(configOf(count), Number(count), eta);
      const name = `${count} steps, eta ${eta}`;
      assertEquals(steps.map(({ timestep }) => timestep), timesteps, name);
      const std = scheduled[`${count}.${etaName(eta)}.std`]!.data;
      assertRelative(steps.map(({ sigma }) => sigma), std, 1e-6, `std, ${name}`);
    }
  }
});

Deno.test("ddimLogProb: diffusers' means and deviations, from few to as many steps as there can be", () => {
  for (const count of Object.keys(schedules.timesteps)) {
    for (const eta of schedules.etas) {
      const given = below(scheduled, `${count}.`);
      const values = below(given, `${etaName(eta)}.`);
      const steps = ddimSchedule(configOf(count), Number(count), eta);
      const inputs = {
        x: given.sample!,
        eps: given.eps!,
        prev: values.prev_sample!,
        coefs: ddimCoefs(steps),
      };
      const exact = steps.map((step, i) => {
        const [x, eps, prev] = [inputs.x, inputs.eps, inputs.prev].map(({ data }) =>
          data.slice(2 * i, 2 * i + 2)
        );
        return logProbInF64(step, x!, eps!, prev!);
      });
      assertClose(exact, values.log_prob!.data, 1e-6, `log_prob in f64, ${count} steps, eta ${eta}`);
      const graph = trace(
        ({ x, eps, prev, coefs }) => ({ logProb: ddimLogProb(x, eps, prev, coefs) }),
        inputs,
      );
      const { logProb } = evaluate(graph, inputs);
      // Where little noise is added, the rounding of the mean to f32, over the deviation, is what a log-probability is off by.
      assertClose(logProb!.data, values.log_prob!.data, 1e-5, `log_prob, ${count} steps, eta ${eta}`);
    }
  }
});

/** The formula of {@linkcode ddimLogProb} without any rounding to f32. */
function logProbInF64(
  { alpha, previousAlpha, sigma }: DdimStep,
  x: ArrayLike<number>,
  eps: ArrayLike<number>,
  prev: ArrayLike<number>,
): number {
  if (sigma === 0) return 0;
  const squares = Array.from(x, (value, i) => {
    const image = (value - Math.sqrt(1 - alpha) * eps[i]!) / Math.sqrt(alpha);
    const mean = Math.sqrt(previousAlpha) * image + Math.sqrt(1 - previousAlpha - sigma ** 2) * eps[i]!;
    return (prev[i]! - mean) ** 2;
  });
  const square = squares.reduce((sum, each) => sum + each, 0) / squares.length;
  return -square / (2 * sigma ** 2) - Math.log(sigma) - 0.5 * Math.log(2 * Math.PI);
}

Deno.test("ddimSchedule: where diffusers leaves its table, an error names the timestep", () => {
  assertEquals(Object.keys(schedules.error), ["1000"]);
  const message = "Cannot denoise in 1000 steps as they begin beyond the model's last timestep, 999: 1000";
  assertThrows(() => ddimSchedule(config, 1000, 1), RangeError, message);
});

Deno.test("ddimKl: the squared distance of the means over twice the variance", () => {
  const steps = ddimSchedule(config, 8, 1).slice(2, 5);
  const types = { a: full([3, 2, 2, 4], 0.5), b: full([3, 2, 2, 4], 0.25), coefs: ddimCoefs(steps) };
  const { kl } = evaluate(trace(({ a, b, coefs }) => ({ kl: ddimKl(a, b, coefs) }), types), types);
  const expected = steps.map((_, i) => {
    const [, factor, , precision] = Array.from(types.coefs.data.slice(5 * i, 5 * i + 5)) as [
      number,
      number,
      number,
      number,
    ];
    return (factor * 0.25) ** 2 * precision / 2;
  });
  assertClose(kl!.data, expected, 1e-6, "kl");
});

Deno.test("ddimLogProb: 0 where a step adds no noise", () => {
  const steps = ddimSchedule(config, 8, 0);
  const x = full([8, 1, 1, 2], 0.3);
  const types = { x, coefs: ddimCoefs(steps) };
  const { logProb } = evaluate(
    trace(({ x, coefs }) => ({ logProb: ddimLogProb(x, x, x, coefs) }), types),
    types,
  );
  assertEquals([...(logProb as Tensor).data as Float32Array], new Array(8).fill(0));
});

Deno.test("guide: from the unconditional prediction past the conditional", () => {
  const types = { uncond: tensor([2], [1, 2]), cond: tensor([2], [2, 4]) };
  const { eps } = evaluate(trace(({ uncond, cond }) => ({ eps: guide(uncond, cond, 3) }), types), types);
  assertEquals([...eps!.data as Float32Array], [4, 8]);
});

Deno.test("parseSchedulerConfig: a file from before clipping was a setting does not clip, whatever sampler it was written for", () => {
  // Stable Diffusion's first file: diffusers' DDIM would clip by its default, and no latent model is meant to.
  const early = {
    _class_name: "PNDMScheduler",
    _diffusers_version: "0.2.2",
    beta_end: 0.012,
    beta_schedule: "scaled_linear",
    beta_start: 0.00085,
    num_train_timesteps: 1000,
    skip_prk_steps: true,
    steps_offset: 1,
  };
  const late = { ...early, clip_sample: false, set_alpha_to_one: false, trained_betas: null };
  assertEquals(parseSchedulerConfig(early), parseSchedulerConfig(late));
  assertEquals(parseSchedulerConfig(early), config);
  assertThrows(() => parseSchedulerConfig({ ...early, clip_sample: true }), RangeError, "clip_sample");
  assertThrows(
    () => parseSchedulerConfig({ ...early, set_alpha_to_one: true }),
    RangeError,
    "set_alpha_to_one",
  );
});

Deno.test("parseSchedulerConfig: every step of a schedule leads somewhere, whatever offset an older file has", () => {
  for (const steps_offset of [undefined, 0, 1]) {
    const last = ddimSchedule(parseSchedulerConfig({ ...Object(golden.config), steps_offset }), 8, 1).at(-1)!;
    assertEquals([last.timestep, last.previousTimestep, last.sigma > 0], [1, 0, true], `${steps_offset}`);
  }
});

Deno.test("parseSchedulerConfig: names what it does not support", () => {
  const json = golden.config as Record<string, unknown>;
  assertThrows(
    () => parseSchedulerConfig({ ...json, prediction_type: "v_prediction" }),
    RangeError,
    "v_prediction",
  );
  assertThrows(() => parseSchedulerConfig({ ...json, beta_start: "a" }), SyntaxError, "beta_start");
  assertThrows(() => parseSchedulerConfig([]), SyntaxError, "no record");
  assertThrows(() => ddimSchedule(config, 0, 1), RangeError, "0 steps");
  assertThrows(() => ddimSchedule(config, 8, 2), RangeError, "eta");
});

/** Asserts that no element is further off than a part of itself. */
function assertRelative(
  found: ArrayLike<number>,
  expected: ArrayLike<number>,
  tol: number,
  name: string,
): void {
  assertEquals(found.length, expected.length, name);
  for (let i = 0; i < found.length; i++) {
    const error = found[i] === expected[i] ? 0 : Math.abs(found[i]! / expected[i]! - 1);
    assert(
      error <= tol,
      `${name}: ${found[i]} instead of ${expected[i]} at ${i}, ${error} of it; the tolerance is ${tol}`,
    );
  }
}

/** An eta as Python writes it. */
function etaName(eta: number): string {
  return Number.isInteger(eta) ? eta.toFixed(1) : String(eta);
}

/**
 * Optimizer steps where the runtime computes: parameters go there once and come back once.
 * @module
 */

import { fold, type Key } from "../core/random.ts";
import { pickRows } from "../core/rows.ts";
import { type F32, type Tensor, tensor } from "../core/tensor.ts";
import { timestepsOf } from "../diffusion/ddim.ts";
import { type DeviceArray, replaced, type Runtime } from "../engine/runtime.ts";
import { adamwHyper, type OptimizerState } from "../optim/adamw.ts";
import { adamwEachHyper } from "../optim/adamw_each.ts";
import type { Context } from "./context.ts";
import { criticGradientProgram, optimizerProgram } from "./programs.ts";
import type { Critiqued, Observed, State, UpdateLog } from "./records.ts";
import { floats, keyTensor, pickPlaces, type Place } from "./rows.ts";
import { criticRates, policyRates } from "./training_graphs.ts";
import { checkFinite, type QueuedLogs, readLogs } from "./update_logs.ts";
import type { MicroBatch, OptimizerStep } from "./training_schedule.ts";

/** What optimizer steps change. */
export type Learner = Pick<State, "policy" | "critic" | "ema">;

/** What optimizer steps lead to. */
export interface Descended extends Learner {
  /** One log for each optimizer step. */
  readonly updates: readonly UpdateLog[];
}

/** Optimizer steps that are queued before their logs are read: reading waits for the device. */
const QUEUED = 16;

/**
 * Takes optimizer steps in the order given.
 *
 * @param from Where chance in lessons, and the critic's dropout, draw from.
 * @throws {NonFiniteError} Naming the first number that is not finite, and the optimizer step.
 */
export async function descend(
  { policy, critic, ema }: Learner,
  critiqued: Critiqued,
  schedule: readonly OptimizerStep[],
  from: Key,
  ctx: Context,
): Promise<Descended> {
  const { runtime, programs, method: { lesson }, options: { train } } = ctx;
  checkSamples(critiqued);
  const put = (data: F32) => runtime.put(tensor([data.length], data));
  const zeros = (length: number) => put(new Float32Array(length));
  let learner: Arrays = {
    ...putOptimizer(runtime, "policy", policy),
    ...critic && putOptimizer(runtime, "critic", critic),
    ...ema && { policyEma: put(ema) },
  };
  const constant: Arrays = {
    policyGrad: zeros(policy.params.length),
    ...policy.since && { policySince: put(policy.since) },
    ...critic && {
      criticGrad: zeros(critic.params.length),
      criticSince: put(critic.since ?? new Float32Array(critic.params.length)),
    },
  };
  const logged = lesson.logged(ctx.options);
  const updates: UpdateLog[] = [];
  let queue: QueuedLogs[] = [];
  try {
    for (const [i, step] of schedule.entries()) {
      const { gradients, ...logs } = accumulate(
        ctx,
        { ...learner, ...constant },
        critiqued,
        step,
        from,
        i,
      );
      const { norms, ...moved } = programs.of(optimizerProgram).run({
        ...learner,
        ...constant,
        ...gradients,
        policyHyper: (policy.since ? adamwEachHyper : adamwHyper)(policyRates(train), policy.step + i + 1),
        ...critic && { criticHyper: adamwEachHyper(criticRates(train), critic.step + i + 1) },
      });
      const given = Object.values(constant);
      runtime.free(Object.values(gradients).filter((gradient) => !given.includes(gradient)));
      learner = replaced(runtime, learner, moved);
      queue.push({
        ...logs,
        norms: norms!,
        stepIndex: commonStep(step),
        microBatches: independentBatches(step),
      });
      if (queue.length < QUEUED && i + 1 < schedule.length) continue;
      updates.push(...await readLogs(runtime, queue, updates.length, logged));
      queue = [];
      ctx.onProgress?.({ stage: "update", done: i + 1, total: schedule.length });
    }
    const names = Object.keys(learner);
    const host = await runtime.get(Object.values(learner));
    const data = (name: string) => floats(host[names.indexOf(name)]).data;
    names.forEach((name) => checkFinite(name, data(name), "after the last optimizer step"));
    const after = (optimizer: OptimizerState, name: string): OptimizerState => ({
      ...optimizer,
      params: data(name),
      m: data(`${name}M`),
      v: data(`${name}V`),
      step: optimizer.step + schedule.length,
    });
    return {
      policy: after(policy, "policy"),
      critic: critic && after(critic, "critic"),
      ema: ema && data("policyEma"),
      updates,
    };
  } finally {
    runtime.free([...Object.values(learner), ...Object.values(constant)]);
  }
}

type Arrays = Readonly<Record<string, DeviceArray>>;

/** Parameters and moments as the optimizer's program names them. */
function putOptimizer(runtime: Runtime, name: string, { params, m, v }: OptimizerState): Arrays {
  const put = (data: F32) => runtime.put(tensor([data.length], data));
  return { [name]: put(params), [`${name}M`]: put(m), [`${name}V`]: put(v) };
}

/** Checks that whatever a loss may read is finite. */
function checkSamples({ latents, logProbs, observed, returns, temporalRewards }: Critiqued): void {
  for (
    const [name, { data }] of Object.entries({ latents, logProbs, ...observed, returns, temporalRewards })
  ) {
    checkFinite(name, data, "before the first optimizer step");
  }
}

/** The gradients of an optimizer step, added up over its micro-batches. */
function accumulate(
  ctx: Context,
  { policy, critic, policyGrad: noPolicyGrad, criticGrad: noCriticGrad }: Arrays,
  critiqued: Critiqued,
  step: OptimizerStep,
  from: Key,
  stepNumber: number,
): Pick<QueuedLogs, "policyLogs" | "criticLogs" | "ratios"> & { readonly gradients: Arrays } {
  const { runtime, programs, method: { lesson } } = ctx;
  let policyGrad = noPolicyGrad!;
  const ratios: DeviceArray[] = [];
  const keyOf = (use: string, micro: number) => fold(fold(fold(from, use), stepNumber), micro);
  const policyLogs = step.policy.flatMap((micro, j) => {
    const learning = { policy: policy!, policyGrad };
    const { policyGrad: sum, logs, ratio } = lesson.learn(
      critiqued,
      micro,
      ctx,
      keyOf("lesson", j),
      learning,
    );
    if (policyGrad !== noPolicyGrad && policyGrad !== sum) runtime.free([policyGrad]);
    policyGrad = sum;
    if (ratio) ratios.push(ratio);
    return logs;
  });
  const { observed } = critiqued;
  if (!critic || !observed) return { gradients: { policyGrad }, policyLogs, criticLogs: [], ratios };
  let criticGrad = noCriticGrad!;
  const criticLogs = step.critic.map((micro, j) => {
    const given = {
      ...criticInputs(critiqued, observed, micro, ctx),
      dropoutKey: keyTensor(keyOf("dropout", j)),
    };
    const results = programs.of(criticGradientProgram).run({ ...given, critic, criticGrad });
    if (criticGrad !== noCriticGrad) runtime.free([criticGrad]);
    criticGrad = results.criticGrad!;
    return results.log!;
  });
  return { gradients: { policyGrad, criticGrad }, policyLogs, criticLogs, ratios };
}

/** The inputs of the critic's gradient that come from the samples. */
function criticInputs(
  { returns, promptRows }: Critiqued,
  { embeddings, residuals }: Observed,
  { rows, steps }: MicroBatch,
  { schedule, conditioning }: Context,
): Record<string, Tensor> {
  const here = rows.map((row, i): Place => [row, steps[i]!]);
  return {
    embedding: pickPlaces(embeddings, here),
    timestep: timestepsOf(steps.map((stepIndex) => schedule[stepIndex]!)),
    pooled: pickRows(conditioning.pooled, rows.map((row) => promptRows[row]!)),
    oldResidual: pickPlaces(residuals, here),
    returns: pickPlaces(returns, here),
  };
}

/** The step index of all of the policy's samples, if it is one. */
function commonStep({ policy }: OptimizerStep): number | null {
  const [first, ...others] = new Set(policy.flatMap(({ steps }) => steps));
  return first === undefined || others.length > 0 ? null : first;
}

/** How many micro-batches the policy has, unless a sample is in two of them, each at another of its steps. */
function independentBatches({ policy }: OptimizerStep): number | null {
  const rows = policy.flatMap(({ rows }) => rows);
  return new Set(rows).size === rows.length ? policy.length : null;
}

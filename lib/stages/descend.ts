/**
 * Optimizer steps where the runtime computes: parameters go there once and come back once.
 * @module
 */

import { fold, type Key } from "../core/random.ts";
import { type F32, type FloatTensor, type Tensor, tensor } from "../core/tensor.ts";
import { ddimCoefs, timestepsOf } from "../diffusion/ddim.ts";
import { type DeviceArray, replaced } from "../engine/runtime.ts";
import { adamwHyper, type OptimizerState } from "../optim/adamw.ts";
import { adamwEachHyper } from "../optim/adamw_each.ts";
import type { Context } from "./context.ts";
import type { Critiqued, State, UpdateLog } from "./records.ts";
import { floats, keyTensor, pickPlaces, pickRows, type Place } from "./rows.ts";
import { criticRates, policyRates } from "./training_graphs.ts";
import { checkFinite, type QueuedLogs, readLogs } from "./update_logs.ts";
import type { MicroBatch, OptimizerStep } from "./training_schedule.ts";

/** What optimizer steps lead to. */
export interface Descended {
  /** The policy's adapters with their optimizer. */
  readonly policy: OptimizerState;
  /** The critic with its optimizer. */
  readonly critic: OptimizerState;
  /** One log for each optimizer step. */
  readonly updates: readonly UpdateLog[];
}

/** What of the samples enters a loss. */
const LEARNT_FROM = ["latents", "logProbs", "embeddings", "residuals", "returns", "temporalRewards"] as const;
/** Optimizer steps that are queued before their logs are read: reading waits for the device. */
const QUEUED = 16;

/**
 * Takes optimizer steps in the order given.
 *
 * @param dropoutKey Where the critic's dropout draws from.
 * @throws {NonFiniteError} Naming the first number that is not finite, and the optimizer step.
 */
export async function descend(
  { policy, critic }: Pick<State, "policy" | "critic">,
  critiqued: Critiqued,
  schedule: readonly OptimizerStep[],
  dropoutKey: Key,
  ctx: Context,
): Promise<Descended> {
  const { runtime, programs, options } = ctx;
  for (const name of LEARNT_FROM) checkFinite(name, critiqued[name].data, "before the first optimizer step");
  const put = (data: F32) => runtime.put(tensor([data.length], data));
  let learner: Arrays = {
    policy: put(policy.params),
    policyM: put(policy.m),
    policyV: put(policy.v),
    critic: put(critic.params),
    criticM: put(critic.m),
    criticV: put(critic.v),
  };
  const since = put(critic.since ?? new Float32Array(critic.params.length));
  const zeros = {
    policyGrad: put(new Float32Array(policy.params.length)),
    criticGrad: put(new Float32Array(critic.params.length)),
  };
  const updates: UpdateLog[] = [];
  let queue: QueuedLogs[] = [];
  try {
    for (const [i, step] of schedule.entries()) {
      const { gradients, ...logs } = accumulate(ctx, learner, zeros, critiqued, step, fold(dropoutKey, i));
      const { norms, ...moved } = programs.optimizer.run({
        ...learner,
        ...gradients,
        criticSince: since,
        policyHyper: adamwHyper(policyRates(options.train), policy.step + i + 1),
        criticHyper: adamwEachHyper(criticRates(options.train), critic.step + i + 1),
      });
      const given: readonly DeviceArray[] = Object.values(zeros);
      runtime.free(Object.values(gradients).filter((gradient) => !given.includes(gradient)));
      learner = replaced(runtime, learner, moved);
      queue.push({ ...logs, norms: norms! });
      if (queue.length < QUEUED && i + 1 < schedule.length) continue;
      updates.push(...await readLogs(runtime, queue, updates.length));
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
    return { policy: after(policy, "policy"), critic: after(critic, "critic"), updates };
  } finally {
    runtime.free([...Object.values(learner), since, ...Object.values(zeros)]);
  }
}

type Arrays = Readonly<Record<string, DeviceArray>>;

/** The gradients of an optimizer step, added up over its micro-batches. */
function accumulate(
  ctx: Context,
  { policy, critic }: Arrays,
  zeros: Arrays,
  critiqued: Critiqued,
  step: OptimizerStep,
  dropoutKey: Key,
): Omit<QueuedLogs, "norms"> & { readonly gradients: Arrays } {
  const { runtime, programs } = ctx;
  let { policyGrad, criticGrad } = zeros as Record<"policyGrad" | "criticGrad", DeviceArray>;
  const added = (before: DeviceArray, after: DeviceArray): DeviceArray => {
    if (!Object.values(zeros).includes(before)) runtime.free([before]);
    return after;
  };
  const ratios: DeviceArray[] = [];
  const policyLogs = step.policy.map((micro) => {
    const given = policyInputs(critiqued, micro, ctx);
    const results = programs.policyGradient.run({ ...given, policy: policy!, policyGrad });
    policyGrad = added(policyGrad, results.policyGrad!);
    runtime.free([results.eps!]);
    ratios.push(results.ratio!);
    return results.log!;
  });
  const criticLogs = step.critic.map((micro, j) => {
    const given = { ...criticInputs(critiqued, micro, ctx), dropoutKey: keyTensor(fold(dropoutKey, j)) };
    const results = programs.criticGradient.run({ ...given, critic: critic!, criticGrad });
    criticGrad = added(criticGrad, results.criticGrad!);
    return results.log!;
  });
  return { gradients: { policyGrad, criticGrad }, policyLogs, criticLogs, ratios };
}

/** The inputs of the policy's gradient that come from the samples. */
function policyInputs(
  { latents, logProbs, temporalRewards, promptRows }: Critiqued,
  { rows, steps }: MicroBatch,
  { schedule, conditioning, uncond, options }: Context,
): Record<string, Tensor> {
  const here = rows.map((row, i): Place => [row, steps[i]!]);
  const next = rows.map((row, i): Place => [row, steps[i]! + 1]);
  const taken = steps.map((stepIndex) => schedule[stepIndex]!);
  return {
    x: pickPlaces(latents, here),
    prev: pickPlaces(latents, next),
    timestep: timestepsOf(taken),
    coefs: ddimCoefs(taken),
    context: pickRows(conditioning.context, rows.map((row) => promptRows[row]!)),
    uncond,
    oldLogProb: pickPlaces(logProbs, here),
    advantage: clamped(pickPlaces(temporalRewards, here), options.train.adv_clip_max),
  };
}

/** The inputs of the critic's gradient that come from the samples. */
function criticInputs(
  { embeddings, residuals, returns, promptRows }: Critiqued,
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

function clamped(x: FloatTensor, most: number | null): FloatTensor {
  return most === null ? x : tensor(x.shape, x.data.map((v) => Math.min(most, Math.max(-most, v))));
}

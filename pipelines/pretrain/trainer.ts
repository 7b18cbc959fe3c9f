/**
 * Supervised training of one part of the mini model: AdamW on a flat vector, seeded, resumable, the same for every part.
 * @module
 */

import { fold, type Key } from "../../lib/core/random.ts";
import {
  type F32,
  full,
  type ParamTree,
  type Tensor,
  tensor,
  type TensorType,
} from "../../lib/core/tensor.ts";
import { add, grad, mul, trace, type Value } from "../../lib/engine/mod.ts";
import { adamw } from "../../lib/engine/ops/adamw.ts";
import { type DeviceArray, replaced, type Runtime } from "../../lib/engine/runtime.ts";
import { bindParams, initParams, type ParamSpec, type Scope } from "../../lib/nn/scope.ts";
import { adamwHyper, clipScale, globalNorm } from "../../lib/optim/adamw.ts";
import { flatLayout, packParams, packValues, unpackParams, unpackValues } from "../../lib/optim/flat.ts";

/** What a part of the model learns from. */
export interface Lesson {
  /** Its name in files and logs. */
  readonly name: string;
  /** The parameters that learn. */
  readonly specs: readonly ParamSpec[];
  /** What the parameters start from; drawn at random if absent. */
  readonly initial?: ParamTree;
  /** Inputs that stay the same for all steps. */
  readonly constants: Readonly<Record<string, Tensor>>;
  /** The batch of a step: a pure function of the key. */
  readonly batch: (key: Key, step: number) => Readonly<Record<string, Tensor>>;
  /** The loss, a scalar, and other scalars to watch. */
  readonly loss: (
    params: Scope,
    inputs: Readonly<Record<string, Value>>,
  ) => Readonly<Record<string, Value>> & { readonly loss: Value };
}

/** How a part of the model learns. */
export interface Schedule {
  /** Optimizer steps. */
  readonly steps: number;
  /** Samples a step. */
  readonly batch: number;
  /** Highest learning rate; it rises over the first steps and falls to zero as half a cosine. */
  readonly learning_rate: number;
  /** A second descent from a rate of its own, at the step where the first ends (Loshchilov & Hutter 2017, arXiv 1608.03983). */
  readonly restart?: { readonly step: number; readonly learning_rate: number };
  /** Decoupled weight decay. */
  readonly weight_decay: number;
  /** Decay of the average of the weights that is kept at the end; 0 keeps the last weights. */
  readonly ema: number;
}

/** A part of the model while it learns. */
export interface Learner {
  readonly step: number;
  readonly params: F32;
  readonly m: F32;
  readonly v: F32;
  readonly ema: F32;
}

/** What {@linkcode teach} tells while it works. */
export interface Progress {
  readonly step: number;
  /** Scalars of the lesson, each the mean since the last report. */
  readonly scalars: Readonly<Record<string, number>>;
  /** Brings the learner's state to the host, to be saved or looked at. */
  readonly learner: () => Promise<Learner>;
}

const WARMUP = 100;
const REPORT = 20;
const MAX_NORM = 1;
const ADAMW = { beta1: 0.9, beta2: 0.999, eps: 1e-8 };

/** The state before the first step. */
export function beginner({ name, specs, initial }: Lesson, key: Key): Learner {
  const layout = flatLayout(specs);
  const params = packParams(layout, initial ?? initParams(specs, fold(key, name)));
  const zeros = () => new Float32Array(layout.length);
  return { step: 0, params, m: zeros(), v: zeros(), ema: params };
}

/** The parameters a learner ends with. */
export function lessonsLearned({ specs }: Lesson, { ema }: Learner): ParamTree {
  return unpackParams(flatLayout(specs), ema);
}

/** Trains from a state on, and tells of it every 20 steps and at the end. */
export async function* teach(
  runtime: Runtime,
  lesson: Lesson,
  schedule: Schedule,
  key: Key,
  start: Learner,
): AsyncGenerator<Progress> {
  const batchKey = (step: number) => fold(fold(key, `${lesson.name} batch`), step);
  const constants = mapRecord(lesson.constants, (value) => runtime.put(value));
  const types = { ...lesson.constants, ...lesson.batch(batchKey(0), 0) };
  const program = await runtime.compile(stepGraph(lesson, schedule, types), { weights: constants });
  const { step: _, ...vectors } = start;
  let state = mapRecord(vectors, (data) => runtime.put(tensor([data.length], data)));
  let pending: Record<string, DeviceArray>[] = [];
  for (let step = start.step; step < schedule.steps; step++) {
    const results = program.run({
      ...lesson.batch(batchKey(step), step),
      ...state,
      hyper: hyperAt(schedule, step),
      decay: full([1], Math.min(schedule.ema, (step + 1) / (step + 10))),
    });
    const { params, m, v, ema, ...scalars } = results;
    state = replaced(runtime, state, { params: params!, m: m!, v: v!, ema: ema! });
    pending.push(scalars);
    if ((step + 1) % REPORT !== 0 && step + 1 !== schedule.steps) continue;
    const means = await meansOf(runtime, pending);
    pending = [];
    const broken = Object.entries(means).find(([, value]) => !Number.isFinite(value));
    if (broken) {
      throw new RangeError(
        `Cannot go on with ${lesson.name} as ${broken[0]} is ${broken[1]} at step ${step}`,
      );
    }
    yield {
      step: step + 1,
      scalars: means,
      learner: async () => {
        const [params, m, v, ema] = await runtime.get([state.params, state.m, state.v, state.ema]);
        const data = (value: Tensor | undefined) => value!.data as F32;
        return { step: step + 1, params: data(params), m: data(m), v: data(v), ema: data(ema) };
      },
    };
  }
  program.free();
  runtime.free([...Object.values(constants), ...Object.values(state)]);
}

/** One step: loss, gradient clipped to norm 1, AdamW in place, the running average. */
function stepGraph(lesson: Lesson, { ema: decay }: Schedule, types: Readonly<Record<string, TensorType>>) {
  const layout = flatLayout(lesson.specs);
  const vector: TensorType = { shape: [layout.length], dtype: "f32" };
  return trace((inputs: Readonly<Record<string, Value>>) => {
    const values = unpackValues(layout, inputs.params!);
    const { loss, ...watched } = lesson.loss(bindParams(values), inputs);
    const names = Object.keys(values);
    const gradients = grad(loss, Object.values(values));
    const flat = packValues(layout, Object.fromEntries(names.map((name, i) => [name, gradients[i]!])));
    const norm = globalNorm(flat);
    const scale = clipScale(norm, MAX_NORM);
    const { params, m, v, hyper } = inputs;
    const next = adamw({ param: params!, m: m!, v: v!, grad: flat, scale, hyper: hyper! }, ADAMW);
    const ema = decay === 0
      ? mul(next.param, 1)
      : add(next.param, mul(inputs.decay!, add(inputs.ema!, mul(next.param, -1))));
    return { params: next.param, m: next.m, v: next.v, ema, loss, norm, ...watched };
  }, {
    ...types,
    params: vector,
    m: vector,
    v: vector,
    ema: vector,
    hyper: { shape: [4], dtype: "f32" },
    decay: { shape: [1], dtype: "f32" },
  });
}

/** The learning rate of a step. */
export function learningRateAt({ steps, learning_rate, restart }: Schedule, step: number): number {
  const [from, to, highest] = restart !== undefined && step >= restart.step
    ? [restart.step, steps, restart.learning_rate]
    : [0, restart?.step ?? steps, learning_rate];
  const warm = Math.min(1, (step + 1) / WARMUP);
  return highest * warm * 0.5 * (1 + Math.cos(Math.PI * (step - from) / (to - from)));
}

/** What AdamW reads at a step. */
function hyperAt(schedule: Schedule, step: number): Tensor {
  const rates = { learningRate: learningRateAt(schedule, step), weightDecay: schedule.weight_decay };
  return adamwHyper({ ...rates, ...ADAMW }, step + 1);
}

async function meansOf(
  runtime: Runtime,
  pending: readonly Readonly<Record<string, DeviceArray>>[],
): Promise<Record<string, number>> {
  const arrays = pending.flatMap((scalars) => Object.values(scalars));
  const values = await runtime.get(arrays);
  runtime.free(arrays);
  const names = Object.keys(pending[0]!);
  return Object.fromEntries(names.map((name, i) => {
    const own = values.filter((_, j) => j % names.length === i);
    return [name, own.reduce((total, { data }) => total + data[0]!, 0) / own.length];
  }));
}

function mapRecord<K extends string, A, B>(
  record: Readonly<Record<K, A>>,
  fn: (value: A) => B,
): Record<K, B> {
  const entries = Object.entries<A>(record).map(([name, value]) => [name, fn(value)]);
  return Object.fromEntries(entries) as Record<K, B>;
}

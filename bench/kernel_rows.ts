/**
 * Every kernel on the shapes of the embedded model and of Stable Diffusion v1.4, timed on the GPU.
 *
 * @module
 */

import { fold, key, uniforms } from "../lib/core/random.ts";
import { size, type Tensor, tensor, type TensorType, words } from "../lib/core/tensor.ts";
import { type Graph, trace, type Value } from "../lib/engine/graph.ts";
import { grad } from "../lib/engine/autodiff.ts";
import { adamw } from "../lib/engine/ops/adamw.ts";
import { attention } from "../lib/engine/ops/attention.ts";
import { concat } from "../lib/engine/ops/concat.ts";
import { add, mul, silu } from "../lib/engine/ops/elementwise.ts";
import { gather } from "../lib/engine/ops/gather.ts";
import { normStats } from "../lib/engine/ops/norm_stats.ts";
import { sum } from "../lib/engine/ops/reductions.ts";
import type { Profile } from "../lib/gpu/program.ts";
import type { GpuRuntime } from "../lib/gpu/runtime.ts";
import { tdpoR } from "../lib/methods/mod.ts";
import { prepare } from "../lib/stages/context.ts";
import { readConfig } from "../pipelines/config/mod.ts";
import { familyOf, type Group, groupKernels } from "../pipelines/profile/show_profile.ts";
import { profileStep, trainingGraphs, unscored } from "../pipelines/profile.ts";
import { miniModels } from "./mini_models.ts";

/** Kernels of one model that are shown together. */
export interface KernelRow extends Group {
  readonly model: string;
  /** The kernels one by one, of those that share a name the sum. */
  readonly kernels: readonly Group[];
}

/** Kernels, and what the host takes for each. */
export interface KernelRows {
  readonly rows: readonly KernelRow[];
  /** Microseconds the host takes to encode a kernel, by step. */
  readonly hostMicroseconds: Readonly<Record<string, number>>;
}

/** Times the steps of training the embedded model, which have all its kernels; rows are families in a step. */
export async function miniKernels(runtime: GpuRuntime): Promise<KernelRows> {
  const config = await readConfig({});
  const models = await miniModels(runtime, config);
  const ctx = await prepare({
    method: tdpoR,
    options: config,
    models,
    runtime,
    prompts: ["a cat"],
    rewards: { train: unscored, evaluate: [] },
  });
  const rows: KernelRow[] = [];
  const hostMicroseconds: Record<string, number> = {};
  for (const [name, graph] of Object.entries(trainingGraphs(ctx))) {
    const step = await profileStep(name, graph, runtime, () => performance.now());
    hostMicroseconds[name] = step.hostMicroseconds;
    rows.push(
      ...groupKernels(step.kernels, familyOf).map((group) => ({
        ...group,
        model: `mini ${name}`,
        kernels: groupKernels(step.kernels.filter((kernel) => familyOf(kernel) === group.name), nameOf),
      })),
    );
  }
  ctx.free();
  return { rows, hostMicroseconds };
}

/** Times the ops of Stable Diffusion's layers, forward and backward, but for the products that are contested. */
export async function stableDiffusionKernels(runtime: GpuRuntime): Promise<KernelRow[]> {
  const rows: KernelRow[] = [];
  for (const graph of Object.values(stableDiffusionGraphs())) {
    const given = Object.entries(graph.inputs).map(([name, type]) => [name, runtime.put(madeUp(name, type))]);
    const inputs = Object.fromEntries(given);
    const profile = await runtime.profile(graph, inputs, 2);
    runtime.free(Object.values(inputs));
    rows.push(
      ...groupKernels(profile, nameOf).map((group) => ({ ...group, model: "sd-v1.4", kernels: [group] })),
    );
  }
  return [...new Map(rows.map((row) => [row.name, row])).values()];
}

function stableDiffusionGraphs(): Readonly<Record<string, Graph>> {
  const f = (...shape: number[]): TensorType => ({ shape, dtype: "f32" });
  const u = (...shape: number[]): TensorType => ({ shape, dtype: "u32" });
  /** A function of floats and its gradients. */
  const both = (
    types: Readonly<Record<string, TensorType>>,
    fn: (x: Readonly<Record<string, Value>>) => Value,
  ) =>
    trace((x) => {
      const out = fn(x);
      const names = Object.keys(types).filter((name) => types[name]!.dtype === "f32");
      const grads = grad(sum(mul(out, 0.5)), names.map((name) => x[name]!));
      return { out, ...Object.fromEntries(names.map((name, i) => [`d${name}`, grads[i]!])) };
    }, types);
  const heads = (queries: number, keys: number, width: number) =>
    both(
      { q: f(1, queries, 8 * width), k: f(1, keys, 8 * width), v: f(1, keys, 8 * width) },
      ({ q, k, v }) => attention(q!, k!, v!, { heads: 8 }),
    );
  return {
    selfAttention: heads(1024, 1024, 80),
    crossAttention: heads(4096, 77, 40),
    groupNorm: both({ x: f(1, 4096, 320) }, ({ x }) => {
      const { rstd } = normStats(x!, { groups: 32, eps: 1e-5 });
      return rstd;
    }),
    activation: both(
      { x: f(1, 64, 64, 320), scale: f(320), shift: f(320) },
      ({ x, scale, shift }) => silu(add(mul(x!, scale!), shift!)),
    ),
    skip: both({ a: f(1, 64, 64, 320), b: f(1, 64, 64, 320) }, ({ a, b }) => concat([a!, b!], 3)),
    embedding: both({ table: f(24704, 768), ids: u(77) }, ({ table, ids }) => gather(table!, ids!)),
    optimizer: trace(
      ({ param, m, v, grad, scale, hyper }) =>
        adamw({ param: param!, m: m!, v: v!, grad: grad!, scale: scale!, hyper: hyper! }, {
          beta1: 0.9,
          beta2: 0.999,
          eps: 1e-8,
        }) as unknown as Record<string, Value>,
      {
        param: f(797184),
        m: f(797184),
        v: f(797184),
        grad: f(797184),
        scale: f(),
        hyper: f(4),
      },
    ),
  };
}

function nameOf({ name }: Profile): string {
  return name;
}

function madeUp(name: string, { shape, dtype }: TensorType): Tensor {
  const count = size(shape);
  if (dtype === "u32") return words(shape, Uint32Array.from({ length: count }, (_, i) => 31 * i % 24704));
  return tensor(shape, uniforms(fold(key(2), name), count));
}

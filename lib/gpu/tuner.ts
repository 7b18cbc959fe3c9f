/**
 * Tuning: which tile each gemm of a graph runs fastest with on this adapter.
 *
 * Candidates are an op's own `tiles`, which all give the same bits. Each distinct kernel is timed once, by timestamp
 * queries on zeros; what won is kept in a store that whoever makes the runtime hands in.
 * @module
 */

import { bytesOf } from "../core/tensor.ts";
import type { Epilogue } from "../../kernels/expression.ts";
import type { Kernel, Target, Tile } from "../../kernels/kernel.ts";
import { loweringOf, type TileChoices } from "../engine/calls.ts";
import type { KernelCall, Operand } from "../engine/lowering.ts";
import type { KernelStep, Step } from "../engine/steps.ts";
import type { PipelineCache } from "./pipelines.ts";
import { type Job, runJobs, timeJobs } from "./timer.ts";

/** Winners of earlier timings, by the text that names a kernel without its tile. */
export interface TileStore {
  /** The winner, or nothing if the kernel was never timed. */
  get(kernel: string): Tile | undefined;
  /** Remembers a winner. */
  set(kernel: string, tile: Tile): void;
}

/** Chooses tiles. */
export interface Tuner {
  /** Choices for those of the steps that have any. */
  choose(steps: readonly Step[]): Promise<TileChoices>;
}

/** What a tuner works with. */
export interface TunerHost {
  /** A device with `timestamp-query`. */
  readonly device: GPUDevice;
  /** What generators know of it. */
  readonly target: Target;
  /** Where its pipelines come from. */
  readonly pipelines: PipelineCache;
  /** Where winners are kept. */
  readonly store: TileStore;
}

/** Times that each candidate is run; the shortest counts. */
const ROUNDS = 3;

/** Makes a tuner. It times one kernel after the other, also where several graphs are compiled at once. */
export function tuner(host: TunerHost): Tuner {
  let last: Promise<unknown> = Promise.resolve();
  return {
    choose: (steps) => {
      const choices = last.then(() => chooseAll(steps, host));
      last = choices.catch(() => {});
      return choices;
    },
  };
}

async function chooseAll(steps: readonly Step[], host: TunerHost): Promise<TileChoices> {
  const choices = new Map<Step, Tile>();
  for (const step of steps) {
    if (step.kind !== "kernel") continue;
    const { lowering, context } = loweringOf(step, host.target);
    const candidates = lowering.tiles?.(context) ?? [];
    if (candidates.length < 2) continue;
    const name = nameOf(lowering.lower(context)[0]!.kernel, step.epilogue);
    const known = candidates.find((tile) => sameTile(tile, host.store.get(name)));
    const tile = known ??
      await fastest(
        candidates.map((tile) => ({ tile, calls: lowering.lower({ ...context, tile }) })),
        step,
        host,
      );
    if (known === undefined) host.store.set(name, tile);
    choices.set(step, tile);
  }
  return choices;
}

function sameTile(a: Tile, b: Tile | undefined): boolean {
  return a.rows === b?.rows && a.columns === b.columns && a.lanesX === b.lanesX && a.lanesY === b.lanesY;
}

/** A tile and what an op is with it. */
interface Candidate {
  readonly tile: Tile;
  readonly calls: readonly KernelCall[];
}

async function fastest(candidates: readonly Candidate[], step: KernelStep, host: TunerHost): Promise<Tile> {
  const { device } = host;
  const buffers = new Map<string, GPUBuffer>();
  const bufferFor = (operand: Operand): GPUBuffer => {
    const bytes = Math.max(16, bytesFor(operand, step));
    const name = `${operand.kind} ${operand.index} ${bytes}`;
    const buffer = buffers.get(name) ?? device.createBuffer({ size: bytes, usage: GPUBufferUsage.STORAGE });
    buffers.set(name, buffer);
    return buffer;
  };
  const jobs = await Promise.all(candidates.map(({ calls }) => jobOf(calls, bufferFor, host)));
  runJobs(device, jobs);
  const times = await timeJobs(device, Array.from({ length: ROUNDS }, () => jobs).flat());
  buffers.forEach((buffer) => buffer.destroy());
  const best = candidates.map((_, i) => Math.min(...times.filter((_, n) => n % jobs.length === i)));
  return candidates[best.indexOf(Math.min(...best))]!.tile;
}

/** Everything that an op does with one tile. */
async function jobOf(
  calls: readonly KernelCall[],
  bufferFor: (operand: Operand) => GPUBuffer,
  { device, pipelines }: TunerHost,
): Promise<Job> {
  const steps = await Promise.all(calls.map(async ({ kernel, operands }) => {
    const { pipeline, layout } = await pipelines.get(kernel);
    const entries = operands.map((operand, binding) => ({
      binding,
      resource: { buffer: bufferFor(operand) },
    }));
    return { pipeline, bindGroup: device.createBindGroup({ layout, entries }), kernel };
  }));
  return (pass) => {
    for (const { pipeline, bindGroup, kernel } of steps) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(...kernel.workgroups);
    }
  };
}

function bytesFor(operand: Operand, { node, reads, outputs }: KernelStep): number {
  switch (operand.kind) {
    case "input":
      return bytesOf(node.inputs[operand.index]!);
    case "output":
      return bytesOf(outputs[operand.index]!);
    case "epilogue":
      return bytesOf(reads[operand.index]!);
    case "scratch":
      return 4 * operand.floats;
  }
}

/** Names a kernel by op and shapes, and by the work done as it stores. */
function nameOf({ name }: Kernel, epilogue: Epilogue | null): string {
  if (epilogue === null) return name;
  const { code, operands } = epilogue.expression;
  const work = code.map(({ fn }) => fn).join("+");
  const reads = operands.slice(1).map(({ strides }) => strides.join(" ")).join(", ");
  return `${name} then ${work} [${reads}]`;
}

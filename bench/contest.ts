/**
 * The same products on this library and others, in turn, so that what else the machine does weighs on all alike.
 *
 * @module
 */

import { type F32, full, type Shape } from "../lib/core/tensor.ts";
import type { GpuRuntime } from "../lib/gpu/runtime.ts";
import { median } from "../lib/measures/median.ts";
import { attune, gemmGraph, inputsOf } from "./attune.ts";
import { type Library, timeContender, type Timing } from "./contender.ts";
import { drawOperands, flopsOf, type GemmCase, operandsOf, showCase } from "./gemm_case.ts";
import type { Peak } from "./peak.ts";

/** How one product went. */
export interface Bout {
  readonly gemm: GemmCase;
  readonly flops: number;
  /** Of the GPU alone, by timestamps; the median of a few runs. */
  readonly gflops: number;
  /** Part of the multiply-adds that the adapter was measured to do just before and after; the median. */
  readonly shareOfPeak: number | null;
  /** Milliseconds of a call, on the host's clock. */
  readonly ms: number;
  /** The others' calls, by name. */
  readonly peers: Readonly<Record<string, Timing>>;
  /** How many times faster this library is than the fastest other. */
  readonly ratio: number | null;
}

/** What is measured with. */
export interface Ring {
  readonly runtime: GpuRuntime;
  /** Absent on an adapter that cannot time. */
  readonly peak: Peak | null;
  readonly peers: readonly Library[];
}

/** Largest difference between two libraries' results, relative to the largest value. */
const TOL = 1e-3;

/**
 * Measures a product everywhere.
 *
 * @throws {Error} If a library computes something else.
 */
export async function fight(gemm: GemmCase, { runtime, peak, peers }: Ring): Promise<Bout> {
  const operands = drawOperands(gemm);
  const flops = flopsOf(gemm);
  const reading = readingOf(runtime, operandsOf(gemm).result);
  const own = await attune(runtime).prepare(gemm, operands);
  const { timing, result: expected } = await timeContender(own, reading);
  const times: number[] = [timing.ms];
  const timings: Record<string, Timing> = {};
  for (const peer of peers) {
    const contender = await peer.prepare(gemm, operands);
    try {
      const { timing, result } = await timeContender(contender, reading);
      checkLike(expected, result, `${peer.name} at ${showCase(gemm)}`);
      timings[peer.name] = timing;
    } finally {
      contender.free();
    }
    times.push((await timeContender(own, reading)).timing.ms);
  }
  own.free();
  const ms = median(times);
  const others = Object.values(timings).map(({ ms }) => ms);
  return {
    gemm,
    flops,
    ...await onGpu(gemm, operands, runtime, peak, flops / ms / 1e6),
    ms,
    peers: timings,
    ratio: others.length === 0 ? null : Math.min(...others) / ms,
  };
}

/** Times on the GPU, each between two measurements of its peak. */
async function onGpu(
  gemm: GemmCase,
  operands: Parameters<typeof inputsOf>[1],
  runtime: GpuRuntime,
  peak: Peak | null,
  fallback: number,
): Promise<Pick<Bout, "gflops" | "shareOfPeak">> {
  if (peak === null) return { gflops: fallback, shareOfPeak: null };
  const inputs = inputsOf(runtime, operands);
  const graph = gemmGraph(gemm);
  const flops = flopsOf(gemm);
  const rates: number[] = [];
  const shares: number[] = [];
  let before = await peak.multiplyAdd();
  for (let round = 0; round < 5; round++) {
    const profile = await runtime.profile(graph, inputs);
    const after = await peak.multiplyAdd();
    const rate = flops / profile.reduce((sum, { ms }) => sum + ms, 0) / 1e6;
    rates.push(rate);
    shares.push(rate / ((before + after) / 2));
    before = after;
  }
  runtime.free(Object.values(inputs));
  return { gflops: median(rates), shareOfPeak: median(shares) };
}

/**
 * Milliseconds that reading so many results back takes when there is nothing to wait for; the least of a few, found once.
 *
 * What other libraries take for it is their own affair, but all are allowed the same.
 */
function readingOf(runtime: GpuRuntime, shape: Shape): (count: number) => Promise<number> {
  const found = new Map<number, number>();
  return async (count) => {
    const known = found.get(count);
    if (known !== undefined) return known;
    const arrays = Array.from({ length: count }, () => runtime.put(full(shape, 0)));
    await runtime.get(arrays);
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      const start = performance.now();
      await runtime.get(arrays);
      times.push(performance.now() - start);
    }
    runtime.free(arrays);
    const least = Math.min(...times);
    found.set(count, least);
    return least;
  };
}

function checkLike(expected: F32, actual: F32, label: string): void {
  let largest = 0;
  let worst = actual.length === expected.length ? 0 : Infinity;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    worst = Math.max(worst, Math.abs(expected[i]! - actual[i]!));
  }
  if (!(worst <= TOL * largest)) {
    throw new Error(`Cannot compare with ${label} as it computes something else: off by ${worst}`);
  }
}

/**
 * What is measured: a library that computes a product, and how its time is taken, the same for all.
 *
 * @module
 */

import type { F32, FloatTensor } from "../lib/core/tensor.ts";
import type { GemmCase } from "./gemm_case.ts";

/** A library that computes on the GPU. */
export interface Library {
  /** Its name and version. */
  readonly name: string;
  /** Puts operands where it computes, and makes ready what it can. */
  prepare(gemm: GemmCase, operands: readonly [FloatTensor, FloatTensor]): Promise<Contender>;
}

/** A product ready to be computed. */
export interface Contender {
  /** Computes the product so many times, and reads every result; the last, in the engine's layout, when it is asked for. */
  run(count: number): Promise<() => F32>;
  /** Gives the memory back. */
  free(): void;
}

/** A time, and whether it is that of a first call. */
export interface Timing {
  /** Milliseconds of one call. */
  readonly ms: number;
  /** Whether the first call took so long that it stands. */
  readonly isFirst: boolean;
}

/** A time and what was computed. */
export interface Measured {
  readonly timing: Timing;
  /** The result of the first call. */
  readonly result: F32;
}

/** Milliseconds that a measurement is to take at the least, so that what the clock and the waiting add is small. */
const LEAST_MS = 250;
/** A first call longer than this stands: what it compiled is small beside it. */
const LONGEST_FIRST_MS = 10_000;

/**
 * Times a product: the first call is discarded, what reading the results costs is taken off.
 *
 * @param reading Milliseconds that reading so many results takes when they have long been computed.
 */
export async function timeContender(
  contender: Contender,
  reading: (count: number) => Promise<number>,
): Promise<Measured> {
  const clock = async (count: number) => {
    const waitMs = await reading(count);
    const start = performance.now();
    const read = await contender.run(count);
    return { ms: performance.now() - start - waitMs, read };
  };
  const first = await clock(1);
  const result = first.read();
  if (first.ms > LONGEST_FIRST_MS) return { timing: { ms: first.ms, isFirst: true }, result };
  const once = Math.max((await clock(1)).ms, 0.05);
  if (once >= LEAST_MS) return { timing: { ms: once, isFirst: false }, result };
  const count = Math.min(200, Math.ceil(LEAST_MS / once));
  return { timing: { ms: (await clock(count)).ms / count, isFirst: false }, result };
}

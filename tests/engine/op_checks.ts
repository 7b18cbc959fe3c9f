/**
 * Checks that ops share: the GPU against the reference, and gradients against central differences.
 * @module
 */

import { assert } from "@std/assert";
import { fold, integers, type Key, key, normals } from "../../lib/core/random.ts";
import {
  type FloatTensor,
  type Shape,
  showShape,
  size,
  type Tensor,
  tensor,
  words,
  type WordTensor,
} from "../../lib/core/tensor.ts";
import { grad } from "../../lib/engine/autodiff.ts";
import { type Attrs, type OpDef, trace, type Value } from "../../lib/engine/graph.ts";
import { evaluate } from "../../lib/engine/interpreter.ts";
import { mul } from "../../lib/engine/ops/elementwise.ts";
import { sum } from "../../lib/engine/ops/reductions.ts";
import { type Harness, openHarness, runOp } from "../gpu_harness.ts";

/** A standard normal tensor; `tag` tells those of one seed apart. */
export function normalTensor(seed: number, tag: string, shape: Shape): FloatTensor {
  return tensor(shape, normals(fold(key(seed), tag), size(shape)));
}

/** Words in `[0, bound)`. */
export function wordTensor(seed: number, tag: string, shape: Shape, bound: number): WordTensor {
  return words(shape, integers(fold(key(seed), tag), size(shape), bound));
}

/** An integer in `[low, high]`; `tag` tells those of one seed apart. */
export function pick(seed: number, tag: string, low: number, high: number): number {
  const from: Key = fold(key(seed), tag);
  return low + integers(from, 1, high - low + 1)[0]!;
}

/** Registers a test that is handed a device. */
export function gpuTest(name: string, body: (harness: Harness) => Promise<void>): void {
  Deno.test(name, async () => {
    const harness = await openHarness();
    try {
      await body(harness);
    } finally {
      harness.device.destroy();
    }
  });
}

/** Fails unless all values lie within `tol`, relative to the expected value where that is above 1. */
export function assertClose(actual: Tensor, expected: Tensor, tol: number, label: string): void {
  assert(
    showShape(actual.shape) === showShape(expected.shape),
    `${label}: shape ${showShape(actual.shape)}, expected ${showShape(expected.shape)}`,
  );
  let worst = 0;
  let index = 0;
  expected.data.forEach((value: number, i: number) => {
    const error = Math.abs(actual.data[i]! - value) / Math.max(1, Math.abs(value));
    if (error <= worst) return;
    worst = Number.isNaN(error) ? Infinity : error;
    index = i;
  });
  assert(
    worst <= tol,
    `${label}: error ${worst} > ${tol} at ${index} of ${showShape(expected.shape)}: ` +
      `${actual.data[index]}, expected ${expected.data[index]}`,
  );
}

/** Runs an op's kernels, compares all outputs with its reference, and returns them. */
export async function assertLikeReference<A extends Attrs>(
  harness: Harness,
  op: OpDef<A>,
  inputs: readonly Tensor[],
  attrs: A,
  tol: number,
  label: string,
): Promise<Tensor[]> {
  const actual = await runOp(harness, op, inputs, attrs);
  const shapes = inputs.map(({ shape }) => showShape(shape)).join(" ");
  op.reference(inputs, attrs).forEach((expected, i) =>
    assertClose(
      actual[i]!,
      expected,
      tol,
      `${label}: ${op.name} ${shapes} ${JSON.stringify(attrs)} output ${i}`,
    )
  );
  return actual;
}

/**
 * Compares gradients with central differences of the reference in one random direction.
 *
 * @param fn What to differentiate; its results are weighed by random numbers and added up.
 * @param inputs Floats are differentiated, words are not.
 */
export function assertGradient(
  fn: (inputs: Readonly<Record<string, Value>>) => readonly Value[],
  inputs: Readonly<Record<string, Tensor>>,
  seed: number,
  tol = 2e-3,
): void {
  const names = Object.keys(inputs).filter((name) => inputs[name]!.dtype === "f32");
  const results = Object.values(trace((x) => Object.fromEntries(fn(x).entries()), inputs).outputs);
  const weights = Object.fromEntries(
    results.map(({ shape }, i) => [`weight${i}`, normalTensor(seed, `weight${i}`, shape)]),
  );
  const graph = trace((x) => {
    const parts = fn(x).map((value, i) => sum(mul(value, x[`weight${i}`]!)));
    const gradients = parts.flatMap((part, i) =>
      grad(part, names.map((name) => x[name]!)).map((g, j) => [`${i} ${names[j]}`, g] as const)
    );
    const outputs = fn(x).map((value, i) => [`out${i}`, value] as const);
    return Object.fromEntries([...gradients, ...outputs]);
  }, { ...inputs, ...weights });
  const run = (changed: Readonly<Record<string, Tensor>>) => evaluate(graph, { ...weights, ...changed });

  const step = 1e-2;
  const direction = (name: string) => normalTensor(seed, `direction ${name}`, inputs[name]!.shape).data;
  const moved = (by: number) => ({
    ...inputs,
    ...Object.fromEntries(names.map((name) => {
      const along = direction(name);
      return [
        name,
        tensor(inputs[name]!.shape, Float32Array.from(along, (d, i) => inputs[name]!.data[i]! + by * d)),
      ];
    })),
  });
  const [ahead, behind, here] = [run(moved(step)), run(moved(-step)), run(inputs)];
  results.forEach((_, i) => {
    const weight = weights[`weight${i}`]!.data;
    const numeric = dot(ahead[`out${i}`]!.data, weight, behind[`out${i}`]!.data) / (2 * step);
    const symbolic = names.reduce(
      (total, name) => total + dot(here[`${i} ${name}`]!.data, direction(name)),
      0,
    );
    const error = Math.abs(numeric - symbolic) / Math.max(1, Math.abs(numeric));
    assert(
      error <= tol,
      `seed ${seed} output ${i}: slope ${symbolic}, by differences ${numeric}, error ${error}`,
    );
  });
}

function dot(a: Tensor["data"], b: Tensor["data"], less?: Tensor["data"]): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i]! - (less?.[i] ?? 0)) * b[i]!;
  return total;
}

/**
 * What tests of single ops share: operands, a device, and the comparison of an op's kernels with its reference.
 * @module
 */

import { assert } from "@std/assert";
import { fold, integers, key, normals } from "../../lib/core/random.ts";
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
import type { Attrs, OpDef } from "../../lib/engine/graph.ts";
import { type Harness, openHarness, runOp } from "../gpu_harness.ts";

/** A standard normal tensor; `tag` tells those of one seed apart. */
export function normalTensor(seed: number, tag: string, shape: Shape): FloatTensor {
  return tensor(shape, normals(fold(key(seed), tag), size(shape)));
}

/** Words in `[0, bound)`. */
export function wordTensor(seed: number, tag: string, shape: Shape, bound: number): WordTensor {
  return words(shape, integers(fold(key(seed), tag), size(shape), bound));
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

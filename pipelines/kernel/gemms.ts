/**
 * Kernels of matrix products and convolutions from their shapes alone, as the engine has them written.
 *
 * @module
 */

import type { Kernel, Target, Tile } from "../../kernels/kernel.ts";
import type { Shape, TensorType } from "../../lib/core/tensor.ts";
import type { Attrs, OpDef } from "../../lib/engine/graph.ts";
import { conv2dGradInputOp, conv2dGradWeightOp, conv2dOp } from "../../lib/engine/ops/conv2d.ts";
import { matmulOp } from "../../lib/engine/ops/matmul.ts";

/** What a generator is told besides shapes. */
export interface Choices {
  /** What it writes for. */
  readonly target: Target;
  /** What an invocation owns; for the gemm family. */
  readonly tile?: Tile;
}

/** The kernels of a matrix product. */
export function product(
  [rows, columns, depth]: readonly [number, number, number],
  transposeA: boolean,
  transposeB: boolean,
  choices: Choices,
): readonly Kernel[] {
  const a = transposeA ? [depth, rows] : [rows, depth];
  const b = transposeB ? [columns, depth] : [depth, columns];
  return lowered(matmulOp, [a, b], { transposeA, transposeB }, choices);
}

/** A convolution and its gradients, by name. */
export type Convolution = "conv2d" | "conv2d_grad_input" | "conv2d_grad_weight";

/**
 * The kernels of a convolution whose output has the size of its input, but for the stride.
 *
 * @param image Batch, height and width.
 */
export function convolution(
  name: Convolution,
  image: readonly number[],
  [inputs, outputs]: readonly [number, number],
  taps: readonly [number, number],
  stride: number,
  choices: Choices,
): readonly Kernel[] {
  const x = [...image, inputs];
  const w = [...taps, inputs, outputs];
  const [down, across] = taps.map((extent) => Math.floor(extent / 2)) as [number, number];
  const attrs = { stride, padding: [down, down, across, across] as const };
  const [y] = conv2dOp.infer([x, w].map(floats), attrs);
  switch (name) {
    case "conv2d":
      return lowered(conv2dOp, [x, w], attrs, choices);
    case "conv2d_grad_input":
      return lowered(conv2dGradInputOp, [y!.shape, w], { ...attrs, shape: x }, choices);
    case "conv2d_grad_weight":
      return lowered(conv2dGradWeightOp, [x, y!.shape], { ...attrs, shape: w }, choices);
  }
}

function lowered<A extends Attrs>(
  op: OpDef<A>,
  shapes: readonly Shape[],
  attrs: A,
  choices: Choices,
): readonly Kernel[] {
  const inputs = shapes.map(floats);
  if (op.lowering.kind !== "kernel") {
    throw new TypeError(`Cannot print ${op.name} as it has no kernel of its own`);
  }
  return op.lowering.lower({ inputs, outputs: op.infer(inputs, attrs), attrs, epilogue: null, ...choices })
    .map(({ kernel }) => kernel);
}

function floats(shape: Shape): TensorType {
  return { shape, dtype: "f32" };
}

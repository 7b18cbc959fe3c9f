/**
 * Products that every library has: matrix products and 3x3 convolutions, forward and both gradients.
 *
 * @module
 */

import { fold, key, uniforms } from "../lib/core/random.ts";
import { type F32, type FloatTensor, type Shape, size, tensor } from "../lib/core/tensor.ts";

/** Which of the three products of a layer. */
export type Pass = "forward" | "grad_input" | "grad_weight";

/** All passes. */
export const PASSES: readonly Pass[] = ["forward", "grad_input", "grad_weight"];

/** A layer without bias: a matrix product, or a convolution with zeros around the image. */
export type Layer =
  | {
    readonly op: "matmul";
    /** Rows of the input and the output. */
    readonly rows: number;
    /** Columns of the input. */
    readonly inputs: number;
    /** Columns of the output. */
    readonly outputs: number;
  }
  | {
    readonly op: "conv3x3";
    readonly batch: number;
    /** Height and width. */
    readonly side: number;
    /** Channels of the input. */
    readonly inputs: number;
    /** Channels of the output. */
    readonly outputs: number;
  };

/** One product. */
export interface GemmCase {
  readonly layer: Layer;
  readonly pass: Pass;
  /** Whose shape it is. */
  readonly model: string;
}

/** The three tensors of a layer: its input, weights (`[inputs, outputs]`, with taps before) and output. */
export function shapesOf(layer: Layer): { readonly x: Shape; readonly w: Shape; readonly y: Shape } {
  const { inputs, outputs } = layer;
  if (layer.op === "matmul") {
    return { x: [layer.rows, inputs], w: [inputs, outputs], y: [layer.rows, outputs] };
  }
  const image = [layer.batch, layer.side, layer.side];
  return { x: [...image, inputs], w: [3, 3, inputs, outputs], y: [...image, outputs] };
}

/** The operands of a pass, and the shape of its result; the output's gradient stands for the output. */
export function operandsOf({ layer, pass }: GemmCase) {
  const { x, w, y } = shapesOf(layer);
  switch (pass) {
    case "forward":
      return { names: ["x", "w"], shapes: [x, w], result: y } as const;
    case "grad_input":
      return { names: ["y", "w"], shapes: [y, w], result: x } as const;
    case "grad_weight":
      return { names: ["x", "y"], shapes: [x, y], result: w } as const;
  }
}

/** Operations of a product; the same for all passes. */
export function flopsOf({ layer }: GemmCase): number {
  const { inputs, outputs } = layer;
  const rows = layer.op === "matmul" ? layer.rows : 9 * layer.batch * layer.side ** 2;
  return 2 * rows * inputs * outputs;
}

/** A product's name: `conv3x3 1x64x64 320->320 forward`. */
export function showCase({ layer, pass }: GemmCase): string {
  const { op, inputs, outputs } = layer;
  const image = layer.op === "matmul" ? `${layer.rows}` : `${layer.batch}x${layer.side}x${layer.side}`;
  return `${op} ${image} ${inputs}->${outputs} ${pass}`;
}

/** Operands for a product, uniform in `[-0.5, 0.5)`. */
export function drawOperands(gemm: GemmCase): readonly [FloatTensor, FloatTensor] {
  const draw = (shape: Shape, name: string) =>
    tensor(shape, uniforms(fold(key(1), name), size(shape)).map((x) => x - 0.5) as F32);
  const { shapes: [a, b] } = operandsOf(gemm);
  return [draw(a, "a"), draw(b, "b")];
}

/**
 * Convolution of channels-last images, and its two gradients as ops of their own.
 *
 * The three are linear in either operand and each is a gradient of the others, so every derivative stays among them.
 * @module
 */

import { type Shape, showShape, type TensorType } from "../../core/tensor.ts";
import { conv2d as conv2dKernels } from "../../../kernels/conv2d.ts";
import { conv2dGradInput as gradInputKernels } from "../../../kernels/conv2d_grad_input.ts";
import { conv2dGradWeight as gradWeightKernels } from "../../../kernels/conv2d_grad_weight.ts";
import type { Epilogue } from "../../../kernels/expression.ts";
import type { Conv2dShape } from "../../../kernels/conv2d_shape.ts";
import type { Target } from "../../../kernels/kernel.ts";
import { candidateTiles, defaultParts, defaultTile, type Problem } from "../../../kernels/tiles.ts";
import { apply, type OpDef, shapeError, type Value } from "../graph.ts";
import { conv2dReference, gradInputReference, gradWeightReference } from "./conv2d_reference.ts";
import { HALVES, isFactor, isInFours } from "./factor.ts";
import { gemmCalls, readsPerRow } from "./gemm_calls.ts";

/** How a convolution steps over its input. */
export interface Conv2dAttrs extends Record<string, unknown> {
  /** Pixels from one output to the next, at least 1. */
  readonly stride: number;
  /** Pixels of zeros at the top, bottom, left and right. */
  readonly padding: readonly [number, number, number, number];
}

/** A convolution's attributes and the shape of what a gradient is taken to. */
export interface Conv2dGradAttrs extends Conv2dAttrs {
  /** The shape of the gradient: of the input, or of the weights. */
  readonly shape: Shape;
}

/**
 * Convolves images with a kernel, without a bias:
 * `out[b, y, x, o] = Σ x[b, y s + ky - top, x s + kx - left, c] w[ky, kx, c, o]`.
 *
 * @param x `[B, H, W, Ci]`.
 * @param w `[kh, kw, Ci, Co]`; halves where `Co` is a multiple of 4.
 * @param options Stride (default 1) and padding (default none).
 * @returns `[B, Ho, Wo, Co]` with `Ho = ⌊(H + top + bottom - kh) / s⌋ + 1`.
 * @throws {TypeError} If the channels differ or the kernel is larger than the padded image.
 */
export function conv2d(x: Value, w: Value, options: Partial<Conv2dAttrs> = {}): Value {
  return apply(conv2dOp, [x, w], { stride: options.stride ?? 1, padding: options.padding ?? [0, 0, 0, 0] });
}

/** The gradient to the input, of shape `attrs.shape`, from `ct` `[B, Ho, Wo, Co]` and `w` `[kh, kw, Ci, Co]`. */
export function conv2dGradInput(ct: Value, w: Value, attrs: Conv2dGradAttrs): Value {
  return apply(conv2dGradInputOp, [ct, w], attrs);
}

/** The gradient to the weights, of shape `attrs.shape`, from `x` `[B, H, W, Ci]` and `ct` `[B, Ho, Wo, Co]`. */
export function conv2dGradWeight(x: Value, ct: Value, attrs: Conv2dGradAttrs): Value {
  return apply(conv2dGradWeightOp, [x, ct], attrs);
}

/** The op behind {@linkcode conv2d}. */
export const conv2dOp: OpDef<Conv2dAttrs> = {
  name: "conv2d",
  infer: (inputs, attrs) => [{ shape: outputShape("conv2d", inputs, inputs, attrs), dtype: "f32" }],
  reference: ([x, w], attrs) => [conv2dReference(x!, w!, extents(x!, w!, attrs))],
  vjp: ([ct], inputs, _, { stride, padding }, wanted) => {
    const [x, w] = inputs as readonly [Value, Value];
    return [
      ct && wanted[0] ? conv2dGradInput(ct, w, { stride, padding, shape: x.shape }) : null,
      ct && wanted[1] ? conv2dGradWeight(x, ct, { stride, padding, shape: w.shape }) : null,
    ];
  },
  lowering: {
    kind: "kernel",
    takesEpilogue: true,
    readsHalves: isInFours,
    tiles: ({ inputs: [x, w], attrs, target, epilogue }) =>
      candidateTiles(outputProblem(extents(x!, w!, attrs), epilogue), target),
    lower: (context) => {
      const { inputs: [x, w], attrs, target, epilogue } = context;
      const shape = extents(x!, w!, attrs);
      const tile = context.tile ?? defaultTile(outputProblem(shape, epilogue), target);
      const stored = { halvesX: x!.dtype === "f16", halves: w!.dtype === "f16" };
      return gemmCalls(conv2dKernels({ shape, tile, epilogue, ...stored }), context);
    },
  },
};

/** The op behind {@linkcode conv2dGradInput}. */
export const conv2dGradInputOp: OpDef<Conv2dGradAttrs> = {
  name: "conv2d_grad_input",
  infer: (inputs, attrs) => {
    const [ct, w] = inputs as readonly [TensorType, TensorType];
    checkGradient("conv2d_grad_input", inputs, like(attrs.shape), w, ct, attrs);
    return [{ shape: attrs.shape, dtype: "f32" }];
  },
  reference: ([ct, w], attrs) => [gradInputReference(ct!, w!, extents(like(attrs.shape), w!, attrs))],
  vjp: ([ct], inputs, _, { stride, padding }, wanted) => {
    const [g, w] = inputs as readonly [Value, Value];
    return [
      ct && wanted[0] ? conv2d(ct, w, { stride, padding }) : null,
      ct && wanted[1] ? conv2dGradWeight(ct, g, { stride, padding, shape: w.shape }) : null,
    ];
  },
  lowering: {
    kind: "kernel",
    takesEpilogue: true,
    readsHalves: (index, inputs) => index === 1 && isInFours(index, inputs),
    tiles: ({ inputs: [, w], attrs, target, epilogue }) =>
      candidateTiles(inputProblem(extents(like(attrs.shape), w!, attrs), epilogue), target),
    lower: (context) => {
      const { inputs: [, w], attrs, target, epilogue } = context;
      const shape = extents(like(attrs.shape), w!, attrs);
      const tile = context.tile ?? defaultTile(inputProblem(shape, epilogue), target);
      return gemmCalls(gradInputKernels({ shape, tile, epilogue, halves: w!.dtype === "f16" }), context);
    },
  },
};

/** The op behind {@linkcode conv2dGradWeight}. */
export const conv2dGradWeightOp: OpDef<Conv2dGradAttrs> = {
  name: "conv2d_grad_weight",
  infer: (inputs, attrs) => {
    const [x, ct] = inputs as readonly [TensorType, TensorType];
    if (ct.dtype !== "f32") throw shapeError("conv2d_grad_weight", "its operands are not floats", inputs);
    checkGradient("conv2d_grad_weight", inputs, x, like(attrs.shape), ct, attrs);
    return [{ shape: attrs.shape, dtype: "f32" }];
  },
  reference: ([x, ct], attrs) => [gradWeightReference(x!, ct!, extents(x!, like(attrs.shape), attrs))],
  vjp: ([ct], inputs, _, { stride, padding }, wanted) => {
    const [x, g] = inputs as readonly [Value, Value];
    return [
      ct && wanted[0] ? conv2dGradInput(g, ct, { stride, padding, shape: x.shape }) : null,
      ct && wanted[1] ? conv2d(x, ct, { stride, padding }) : null,
    ];
  },
  lowering: {
    kind: "kernel",
    takesEpilogue: true,
    readsHalves: (index, inputs) => index === 0 && isInFours(index, inputs),
    tiles: ({ inputs: [x], attrs, target }) =>
      candidateTiles(weightProblem(extents(x!, like(attrs.shape), attrs), target), target),
    lower: (context) => {
      const { inputs: [x], attrs, target, epilogue } = context;
      const shape = extents(x!, like(attrs.shape), attrs);
      const problem = weightProblem(shape, target);
      const tile = context.tile ?? defaultTile(problem, target);
      return gemmCalls(
        gradWeightKernels({ shape, tile, parts: problem.parts, epilogue, halvesX: x!.dtype === "f16" }),
        context,
      );
    },
  },
};

function like(shape: Shape): TensorType {
  return { shape, dtype: "f32" };
}

/** All extents of the convolution of `x` with `w`. */
function extents(x: TensorType, w: TensorType, { stride, padding }: Conv2dAttrs): Conv2dShape {
  const [batch, height, width, inChannels] = x.shape as [number, number, number, number];
  const [kh, kw, , outChannels] = w.shape as [number, number, number, number];
  const [top, bottom, left, right] = padding;
  return {
    batch,
    height,
    width,
    inChannels,
    outHeight: Math.floor((height + top + bottom - kh) / stride) + 1,
    outWidth: Math.floor((width + left + right - kw) / stride) + 1,
    outChannels,
    taps: [kh, kw],
    stride,
    before: [top, left],
  };
}

/** The shape of a convolution's output, or an error that shows the op's operands. */
function outputShape(
  op: string,
  operands: readonly TensorType[],
  [x, w]: readonly TensorType[],
  attrs: Conv2dAttrs,
): Shape {
  const [first, second] = operands as readonly [TensorType, TensorType];
  const isFour = [first, second, x!, w!].every(({ shape }) => shape.length === 4);
  if (!isFour || first.dtype !== "f32" || !isFactor(second)) {
    throw shapeError(
      op,
      `its operands are not floats with four axes, the weights perhaps ${HALVES}`,
      operands,
    );
  }
  if (x!.shape[3] !== w!.shape[2]) {
    throw shapeError(op, `images of ${x!.shape[3]} channels meet weights for ${w!.shape[2]}`, operands);
  }
  if (
    !Number.isInteger(attrs.stride) || attrs.stride < 1 ||
    attrs.padding.some((p) => !Number.isInteger(p) || p < 0)
  ) {
    throw new RangeError(
      `Cannot apply ${op} as stride ${attrs.stride} or padding ${showShape(attrs.padding)} is none`,
    );
  }
  const { batch, outHeight, outWidth, outChannels } = extents(x!, w!, attrs);
  if (outHeight < 1 || outWidth < 1) {
    throw shapeError(op, "the kernel is larger than the padded image", operands);
  }
  return [batch, outHeight, outWidth, outChannels];
}

function checkGradient(
  op: string,
  operands: readonly TensorType[],
  x: TensorType,
  w: TensorType,
  ct: TensorType,
  attrs: Conv2dAttrs,
): void {
  const expected = outputShape(op, operands, [x, w], attrs);
  if (showShape(expected) !== showShape(ct.shape)) {
    throw shapeError(op, `the convolution's output is ${showShape(expected)}`, operands);
  }
}

function outputProblem(
  { batch, outHeight, outWidth, inChannels, outChannels, taps }: Conv2dShape,
  epilogue: Epilogue | null,
): Problem {
  return {
    rows: batch * outHeight * outWidth,
    columns: outChannels,
    depth: taps[0] * taps[1] * inChannels,
    reads: readsPerRow(epilogue),
  };
}

function inputProblem(
  { batch, height, width, inChannels, outChannels, taps }: Conv2dShape,
  epilogue: Epilogue | null,
): Problem {
  return {
    rows: batch * height * width,
    columns: inChannels,
    depth: taps[0] * taps[1] * outChannels,
    reads: readsPerRow(epilogue),
  };
}

function weightProblem(shape: Conv2dShape, target: Target): Problem & { readonly parts: number } {
  const { batch, outHeight, outWidth, inChannels, outChannels, taps } = shape;
  const problem = {
    rows: taps[0] * taps[1] * inChannels,
    columns: outChannels,
    depth: batch * outHeight * outWidth,
  };
  return { ...problem, parts: defaultParts(problem, target) };
}

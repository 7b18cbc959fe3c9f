/**
 * How ops reach the GPU: inlined into other kernels, folded into indices, or by kernels of their own.
 * @module
 */

import type { Shape, TensorType } from "../core/tensor.ts";
import type { Kernel, Target, Tile } from "../../kernels/kernel.ts";
import type { FunctionName } from "../../kernels/functions.ts";
import type { Epilogue, Layout } from "../../kernels/expression.ts";

/** An op's way to the GPU, by kind. */
export type Lowering<A> =
  | { readonly kind: "input" }
  | { readonly kind: "constant" }
  /** Output `i` is input `i`; where it `waits`, not before its further inputs are known. */
  | { readonly kind: "identity"; readonly waits?: true }
  /** One result for each element; fused with its neighbours. */
  | { readonly kind: "elementwise"; readonly fn: FunctionName }
  /** The operand read through other indices; `null` where strides cannot say it and it must be stored first. */
  | {
    readonly kind: "view";
    readonly view: (layout: Layout, input: Shape, attrs: A, output: Shape) => Layout | null;
  }
  /** A reduction whose operand may be an expression computed on the fly. */
  | { readonly kind: "reduce"; readonly how: "sum" | "max"; readonly axes: (attrs: A) => readonly number[] }
  /** The op's own kernels. */
  | {
    readonly kind: "kernel";
    /** Whether elementwise work on the (only) output may be done as it is stored. */
    readonly takesEpilogue: boolean;
    /** Whether an input may lie in memory as halves; default none. */
    readonly readsHalves?: (index: number, inputs: readonly TensorType[], attrs: A) => boolean;
    /** Whether every element of the only output is one of the inputs', so that it may be halves where they are; default no. */
    readonly moves?: true;
    /** Where each input lies in the only output, in floats: what computes an input may then write it there itself. */
    readonly starts?: (attrs: A) => readonly number[];
    /** Output `i` is computed in the memory of input `inPlace[i]`. */
    readonly inPlace?: readonly number[];
    /** Tiles a tuner may try, the default first. */
    readonly tiles?: (context: LoweringContext<A>) => readonly Tile[];
    readonly lower: (context: LoweringContext<A>) => readonly KernelCall[];
  };

/** What an op is lowered from. */
export interface LoweringContext<A> {
  /** Types of the operands, halves where they lie in memory so. */
  readonly inputs: readonly TensorType[];
  /** Types of the results, halves where they are to be stored so. */
  readonly outputs: readonly TensorType[];
  /** The settings of the node. */
  readonly attrs: A;
  /** What is known of the adapter. */
  readonly target: Target;
  /** Elementwise work to do before storing; only where `takesEpilogue`. */
  readonly epilogue: Epilogue | null;
  /** The tuner's choice among the op's `tiles`; without one the op uses its default. */
  readonly tile?: Tile;
}

/** A kernel and what its bindings, in order, are bound to. */
export interface KernelCall {
  /** The kernel. */
  readonly kernel: Kernel;
  /** One operand for each binding. */
  readonly operands: readonly Operand[];
}

/** A buffer of a call: an input or output of the op, an operand of the epilogue, or scratch memory of so many floats. */
export type Operand =
  | { readonly kind: "input"; readonly index: number; readonly part?: InputPart }
  | { readonly kind: "output"; readonly index: number }
  | { readonly kind: "epilogue"; readonly index: number }
  | { readonly kind: "scratch"; readonly index: number; readonly floats: number };

/** A part of an input, where all of it would be too large to bind. */
export interface InputPart {
  /** Where it begins, in bytes, a multiple of 256. */
  readonly offset: number;
  /** How long it is. */
  readonly bytes: number;
}

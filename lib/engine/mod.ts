/**
 * The engine: tensors, symbolic values, ops, gradients, and the runtimes that execute graphs.
 * @module
 */

export * from "../core/tensor.ts";
export type { Epilogue, Expression, Instruction, Layout } from "../../kernels/expression.ts";
export type { FunctionName } from "../../kernels/functions.ts";
export type { Access, Kernel, Target, Tile } from "../../kernels/kernel.ts";
export type { Distribution } from "../../kernels/random.ts";
export * from "./graph.ts";
export * from "./autodiff.ts";
export * from "./checkpoint.ts";
export * from "./compile.ts";
export * from "./interpreter.ts";
export * from "./lowering.ts";
export type { Limits } from "./limits.ts";
export * from "./runtime.ts";
export * from "./ops/elementwise.ts";
export * from "./ops/views.ts";
export * from "./ops/reductions.ts";
export * from "./ops/concat.ts";
export * from "./ops/matmul.ts";
export * from "./ops/conv2d.ts";
export * from "./ops/attention.ts";
export type { AttentionAttrs } from "./ops/attention_problem.ts";
export * from "./ops/norm_stats.ts";
export * from "./ops/gather.ts";
export * from "./ops/random.ts";
export * from "./ops/bytes.ts";
export * from "./ops/straight_through.ts";
export * from "./ops/vector.ts";
export * from "./ops/adamw.ts";

/**
 * The engine: symbolic values, ops, gradients, and the runtimes that execute graphs.
 * @module
 */

export * from "./graph.ts";
export * from "./autodiff.ts";
export * from "./checkpoint.ts";
export * from "./interpreter.ts";
export * from "./runtime.ts";
export * from "./ops/elementwise.ts";
export * from "./ops/views.ts";
export * from "./ops/reductions.ts";
export * from "./ops/concat.ts";
export * from "./ops/attention.ts";
export * from "./ops/norm_stats.ts";
export * from "./ops/gather.ts";
export * from "./ops/random.ts";
export * from "./ops/adamw.ts";

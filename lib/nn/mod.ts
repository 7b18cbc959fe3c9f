/**
 * Layers: functions of a scope, which holds their parameters, and of values.
 * @module
 */

export * from "./activation.ts";
export * from "./attention.ts";
export * from "./bands.ts";
export * from "./conv.ts";
export * from "./dropout.ts";
export * from "./embedding.ts";
export * from "./layout.ts";
export * from "./linear.ts";
export * from "./lora.ts";
export * from "./neuron_layer.ts";
export * from "./norm.ts";
export * from "./resample.ts";
export * from "./scope.ts";
export * from "./softmax.ts";
export * from "./timestep_embedding.ts";

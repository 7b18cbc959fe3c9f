/**
 * Attune aligns text-to-image diffusion models with reward models by reinforcement learning, on any GPU that WebGPU reaches.
 *
 * A method is a loop over five stages, each a function from a record to a bigger record:
 *
 * ```ts
 * import { critique, reset, sample, score, update } from "@attune/attune";
 * import type { Context, State } from "@attune/attune";
 *
 * async function epoch(state: State, ctx: Context): Promise<State> {
 *   const sampled = await sample(state, ctx);
 *   const scored = await score(sampled, ctx);
 *   const critiqued = critique(state, scored, ctx);
 *   const updated = await update(state, critiqued, ctx);
 *   return (await reset(updated, ctx)).state;
 * }
 * ```
 *
 * `train` is that loop for any {@linkcode Method}, a record of stages such as `tdpoR`; `prepare` makes the context of a method,
 * models, rewards and a runtime. The entry point `@attune/attune/engine` has the ops that models and losses are written in.
 * Importing asks for no permission.
 *
 * @module
 */

export type { Epilogue, Expression, Instruction, Layout } from "./kernels/expression.ts";
export type { FunctionName } from "./kernels/functions.ts";
export type { Access, Kernel, Target, Tile } from "./kernels/kernel.ts";
export * from "./lib/core/moments.ts";
export * from "./lib/core/random.ts";
export * from "./lib/core/tensor.ts";
export type { DdimStep } from "./lib/diffusion/ddim.ts";
export type { SchedulerConfig } from "./lib/diffusion/scheduler_config.ts";
export * from "./lib/engine/autodiff.ts";
export * from "./lib/engine/checkpoint.ts";
export * from "./lib/engine/compile.ts";
export * from "./lib/engine/graph.ts";
export { interpreter } from "./lib/engine/interpreter.ts";
export type * from "./lib/engine/lowering.ts";
export type { Limits } from "./lib/engine/limits.ts";
export type { CompileOptions, DeviceArray, Program, Purpose, Runtime } from "./lib/engine/runtime.ts";
export * from "./lib/gpu/device.ts";
export type { Profile } from "./lib/gpu/program.ts";
export * from "./lib/gpu/runtime.ts";
export type { TileStore } from "./lib/gpu/tuner.ts";
export type { TensorPiece } from "./lib/io/tensor_piece.ts";
export type { Dialect, Tokenizer, TokenizerFiles } from "./lib/io/tokenizer.ts";
export type { MaskedIds } from "./lib/io/wordpiece.ts";
export * from "./lib/models/configs.ts";
export type { ConvTowerConfig } from "./lib/models/conv_tower.ts";
export type { CriticInputs, CriticResult } from "./lib/models/critic.ts";
export type { CriticConfig, CriticInit } from "./lib/models/critic_config.ts";
export type { PerChannel, PixelConfig } from "./lib/models/pixel_values.ts";
export type { LoraConfig } from "./lib/models/lora.ts";
export type { ActivationName } from "./lib/nn/activation.ts";
export type { NeuronLayer } from "./lib/nn/neuron_layer.ts";
export type { Init, ParamSpec, Scope } from "./lib/nn/scope.ts";
export type { OptimizerState } from "./lib/optim/adamw.ts";
export type { FlatLayout, Segment } from "./lib/optim/flat.ts";
export type { CustomReward, CustomScore } from "./lib/rewards/custom_reward.ts";
export type { DualEncoderConfig, ImageTowerConfig } from "./lib/rewards/dual_encoder.ts";
export type { ImageRewardConfig } from "./lib/rewards/image_reward.ts";
export type { GoldStatistics, Terms } from "./lib/rewards/gold.ts";
export * from "./lib/rewards/reward.ts";
export * from "./lib/methods/mod.ts";
export * from "./lib/stages/mod.ts";
export type { CriticSection } from "./pipelines/config/critic_config.ts";
export { type JudgeName, judgeNames } from "./pipelines/load/judge_configs.ts";
export type { ImageRewardJudge, ImageTower, Judge, Judges } from "./pipelines/load/judges.ts";
export type { LoadWeightsOptions, WeightStorage } from "./pipelines/load/weights.ts";
export type { Precision } from "./pipelines/load/precision.ts";
export type { ModelSource } from "./pipelines/load/model_source.ts";
export type { RewardFileName } from "./pipelines/load/reward_files.ts";
export * from "./pipelines/load_pipeline.ts";
export type { RawConfig } from "./pipelines/config/tree.ts";
export { openTraining, type Training } from "./pipelines/open_training.ts";
export { UsageError } from "./pipelines/usage_error.ts";

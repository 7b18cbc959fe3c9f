/**
 * The stages of training, and the methods made of them.
 * @module
 */

export * from "./backprop_graphs.ts";
export * from "./backpropagate.ts";
export * from "./base_policy.ts";
export * from "./combine/combination.ts";
export * from "./combine/combine_rewards.ts";
export type { ConstraintLog } from "./combine/constraint_logs.ts";
export * from "./combine/lagrangian.ts";
export * from "./combine/reward_memory.ts";
export * from "./combine/running_moments.ts";
export * from "./combine/weighted_mean.ts";
export * from "./combine/worst_case.ts";
export * from "./conditioning.ts";
export * from "./context.ts";
export * from "./critique.ts";
export * from "./critique_groups.ts";
export * from "./critique_weights.ts";
export * from "./denoise.ts";
export * from "./descend.ts";
export * from "./generate.ts";
export * from "./inspect.ts";
export * from "./latent_diffusion.ts";
export * from "./losses.ts";
export type { Defaults, Method, Stages } from "./method.ts";
export * from "./metrics.ts";
export * from "./models.ts";
export * from "./neurons.ts";
export * from "./options.ts";
export * from "./plasticity.ts";
export type { GradientNoise } from "../measures/gradient_noise.ts";
export * from "./pretraining.ts";
export * from "./policy_lesson.ts";
export * from "./policy_noise.ts";
export * from "./programs.ts";
export * from "./prompt_statistics.ts";
export * from "./prompts.ts";
export * from "./records.ts";
export * from "./reset.ts";
export * from "./reward_weighted.ts";
export * from "./run_rewards.ts";
export * from "./sample.ts";
export * from "./reward_lessons.ts";
export type { Extents } from "./sampling_graphs.ts";
export * from "./score.ts";
export * from "./sights.ts";
export * from "./state.ts";
export * from "./stretches.ts";
export * from "./train.ts";
export { gradientShare, type Layouts } from "./training_graphs.ts";
export * from "./training_rewards.ts";
export * from "./training_schedule.ts";
export * from "./unet_evaluations.ts";
export * from "./update.ts";
export { NonFiniteError } from "./update_logs.ts";
export * from "./weights.ts";

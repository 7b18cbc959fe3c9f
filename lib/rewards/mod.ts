/**
 * Rewards: formulas and trained judges, what they are trained with, and measures of diversity.
 * @module
 */

export * from "./reward.ts";
export * from "./measures.ts";
export * from "./jpeg_kilobytes.ts";
export * from "./analytic.ts";
export * from "./preferences.ts";
export * from "./preference_loss.ts";
export * from "./contrastive_loss.ts";
export * from "./dual_encoder.ts";
export * from "./batched.ts";
export * from "./embedder.ts";
export * from "./aesthetic_head.ts";
export * from "./mini_configs.ts";
export * from "./mini_aesthetic.ts";
export * from "./fit_reward.ts";
export * from "./mini_pick.ts";
export * from "./mini_hps.ts";
export * from "./gold.ts";
export * from "./diversity.ts";
export * from "./catalogue.ts";

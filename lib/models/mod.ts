/**
 * The models, each one pure function of a scope, a config and its inputs.
 * @module
 */

export * from "./autoencoder_kl.ts";
export * from "./bert.ts";
export * from "./blip_vision.ts";
export * from "./clip.ts";
export * from "./clip_text.ts";
export * from "./clip_vision.ts";
export * from "./configs.ts";
export * from "./conv_tower.ts";
export * from "./critic.ts";
export * from "./critic_config.ts";
export * from "./lora.ts";
export * from "./pixel_gradient.ts";
export * from "./pixel_values.ts";
export * from "./unet_2d_condition.ts";

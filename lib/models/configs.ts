/**
 * Configs of the models, with the keys and defaults that their files have on the model hubs.
 * @module
 */

export * from "./autoencoder_config.ts";
export * from "./blip_config.ts";
export * from "./clip_config.ts";
export * from "./unet_config.ts";

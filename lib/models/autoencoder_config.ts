/**
 * The config of an autoencoder, with the keys and defaults of diffusers' `config.json`.
 * @module
 */

import { checkDivides, checkLength, choices, count, counts, fieldsOf, real, refuseOthers } from "./fields.ts";

/** What there is to know of an `AutoencoderKL`. */
export interface AutoencoderKLConfig {
  /** Channels of the images that go in. */
  readonly in_channels: number;
  /** Channels of the images that come out. */
  readonly out_channels: number;
  /** Channels of each stage, from the finest. */
  readonly block_out_channels: readonly number[];
  /** Residual blocks of a stage of the encoder; the decoder's have one more. */
  readonly layers_per_block: number;
  /** Channels of the latents. */
  readonly latent_channels: number;
  /** Groups of every group norm. */
  readonly norm_num_groups: number;
  /** Height and width of the images it was trained on. */
  readonly sample_size: number;
  /** What latents are multiplied by before the UNet sees them. */
  readonly scaling_factor: number;
}

/**
 * Reads the config of an `AutoencoderKL`.
 *
 * @throws {TypeError | RangeError} Naming the key and value that are wrong or not supported.
 */
export function parseAutoencoderConfig(json: unknown): AutoencoderKLConfig {
  const fields = fieldsOf("AutoencoderKL", json);
  const config: AutoencoderKLConfig = {
    in_channels: count(fields, "in_channels", 3),
    out_channels: count(fields, "out_channels", 3),
    block_out_channels: counts(fields, "block_out_channels", [64]),
    layers_per_block: count(fields, "layers_per_block", 1),
    latent_channels: count(fields, "latent_channels", 4),
    norm_num_groups: count(fields, "norm_num_groups", 32),
    sample_size: count(fields, "sample_size", 32),
    scaling_factor: real(fields, "scaling_factor", 0.18215),
  };
  const stages = config.block_out_channels.length;
  const downs = choices(fields, "down_block_types", ["DownEncoderBlock2D"], ["DownEncoderBlock2D"]);
  const ups = choices(fields, "up_block_types", ["UpDecoderBlock2D"], ["UpDecoderBlock2D"]);
  refuseOthers(fields, [...Object.keys(config), ...VAE_IRRELEVANT], VAE_ONLY);
  checkLength(fields, "down_block_types", downs, stages);
  checkLength(fields, "up_block_types", ups, stages);
  checkDivides(fields, "norm_num_groups", config.norm_num_groups, config.block_out_channels);
  return config;
}

/** Keys that change nothing here, or are read apart. */
const VAE_IRRELEVANT = ["down_block_types", "up_block_types", "force_upcast"];

/** Keys that must have the value they have in Stable Diffusion. */
const VAE_ONLY = {
  act_fn: ["silu", "swish"],
  mid_block_add_attention: [true],
  use_quant_conv: [true],
  use_post_quant_conv: [true],
};

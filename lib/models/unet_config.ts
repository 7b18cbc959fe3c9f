/**
 * The config of a UNet, with the keys and defaults of diffusers' `config.json`.
 * @module
 */

import {
  checkDivides,
  checkLength,
  choices,
  count,
  counts,
  type Fields,
  fieldsOf,
  flag,
  real,
  refuseOthers,
  unsupported,
} from "./fields.ts";

/** A stage of the UNet on the way down. */
export type DownBlockType = "DownBlock2D" | "CrossAttnDownBlock2D";
/** A stage of the UNet on the way up. */
export type UpBlockType = "UpBlock2D" | "CrossAttnUpBlock2D";

/** What there is to know of a `UNet2DConditionModel`. */
export interface UNet2DConditionConfig {
  /** Height and width of the latents it was trained on. */
  readonly sample_size: number | null;
  /** Channels of the noisy latents. */
  readonly in_channels: number;
  /** Channels of the prediction. */
  readonly out_channels: number;
  /** Whether cosines come before sines in the timestep's embedding. */
  readonly flip_sin_to_cos: boolean;
  /** See `timestepEmbedding`. */
  readonly freq_shift: number;
  /** The stages down, from the finest. */
  readonly down_block_types: readonly DownBlockType[];
  /** The stages up, from the coarsest. */
  readonly up_block_types: readonly UpBlockType[];
  /** Channels of each stage, from the finest. */
  readonly block_out_channels: readonly number[];
  /** Residual blocks of a stage down; a stage up has one more. */
  readonly layers_per_block: number;
  /** 1: zeros around the image before it is halved; 0: zeros only below and to the right. */
  readonly downsample_padding: 0 | 1;
  /** Groups of every group norm. */
  readonly norm_num_groups: number;
  /** Added to the variance in the residual blocks' group norms. */
  readonly norm_eps: number;
  /** Width of the context. */
  readonly cross_attention_dim: number;
  /** Heads (sic) of each stage, from the finest; one number in a file stands for all. */
  readonly attention_head_dim: readonly number[];
  /** Whether checkpoints keep the projections around the attention as `[C, C]` rather than `[C, C, 1, 1]`. */
  readonly use_linear_projection: boolean;
  /** Transformer blocks of an attention. */
  readonly transformer_layers_per_block: number;
}

/**
 * Reads the config of a `UNet2DConditionModel`.
 *
 * @throws {TypeError | RangeError} Naming the key and value that are wrong or not supported.
 */
export function parseUNetConfig(json: unknown): UNet2DConditionConfig {
  const fields = fieldsOf("UNet2DConditionModel", json);
  const down_block_types = choices(
    fields,
    "down_block_types",
    ["DownBlock2D", "CrossAttnDownBlock2D"],
    ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
  );
  const up_block_types = choices(
    fields,
    "up_block_types",
    ["UpBlock2D", "CrossAttnUpBlock2D"],
    ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
  );
  const padding = real(fields, "downsample_padding", 1);
  if (padding !== 0 && padding !== 1) throw unsupported(fields, "downsample_padding", padding, [0, 1]);
  const config: UNet2DConditionConfig = {
    sample_size: fields.json.sample_size == null ? null : count(fields, "sample_size"),
    in_channels: count(fields, "in_channels", 4),
    out_channels: count(fields, "out_channels", 4),
    flip_sin_to_cos: flag(fields, "flip_sin_to_cos", true),
    freq_shift: real(fields, "freq_shift", 0),
    down_block_types,
    up_block_types,
    block_out_channels: counts(fields, "block_out_channels", [320, 640, 1280, 1280]),
    layers_per_block: count(fields, "layers_per_block", 2),
    downsample_padding: padding,
    norm_num_groups: count(fields, "norm_num_groups", 32),
    norm_eps: real(fields, "norm_eps", 1e-5),
    cross_attention_dim: count(fields, "cross_attention_dim", 1280),
    attention_head_dim: headsByStage(fields, down_block_types.length),
    use_linear_projection: flag(fields, "use_linear_projection", false),
    transformer_layers_per_block: count(fields, "transformer_layers_per_block", 1),
  };
  refuseOthers(fields, [...Object.keys(config), ...UNET_IRRELEVANT], UNET_ONLY);
  const stages = config.block_out_channels.length;
  checkLength(fields, "down_block_types", config.down_block_types, stages);
  checkLength(fields, "up_block_types", config.up_block_types, stages);
  checkLength(fields, "attention_head_dim", config.attention_head_dim, stages);
  checkDivides(fields, "norm_num_groups", config.norm_num_groups, config.block_out_channels);
  config.attention_head_dim.forEach((heads, i) =>
    checkDivides(fields, "attention_head_dim", heads, [config.block_out_channels[i]!])
  );
  return config;
}

/** Keys that change nothing here: everything is computed in f32 and nothing is dropped out. */
const UNET_IRRELEVANT = ["upcast_attention", "addition_embed_type_num_heads", "dropout"];

/** Keys that must have the value they have in Stable Diffusion 1 and 2. */
const UNET_ONLY = {
  act_fn: ["silu", "swish"],
  attention_type: ["default"],
  conv_in_kernel: [3],
  conv_out_kernel: [3],
  mid_block_scale_factor: [1],
  mid_block_type: ["UNetMidBlock2DCrossAttn"],
  resnet_out_scale_factor: [1],
  resnet_time_scale_shift: ["default"],
  time_embedding_type: ["positional"],
};

function headsByStage(fields: Fields, stages: number): readonly number[] {
  return Array.isArray(fields.json.attention_head_dim)
    ? counts(fields, "attention_head_dim")
    : Array<number>(stages).fill(count(fields, "attention_head_dim", 8));
}

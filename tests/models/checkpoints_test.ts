import { assert, assertEquals } from "@std/assert";
import { size } from "../../lib/core/tensor.ts";
import {
  declareAutoencoder,
  declareClip,
  declareClipText,
  declareClipVision,
  declareConvTower,
  declareUNet,
  declareUNetLora,
  parseAutoencoderConfig,
  parseClipConfig,
  parseClipTextConfig,
  parseClipVisionConfig,
  parseConvTowerConfig,
  parseLoraConfig,
  parseUNetConfig,
} from "../../lib/models/mod.ts";
import type { ParamSpec } from "../../lib/nn/scope.ts";
import { declareImageReward, parseImageRewardConfig } from "../../lib/rewards/image_reward.ts";

// What the published checkpoints hold: counts, a hash of the sorted lines "name shape", and a few of the lines.
const checkpoints: Record<string, Checkpoint> = JSON.parse(
  await Deno.readTextFile(new URL("checkpoints.json", import.meta.url)),
);

const sd14UNet = parseUNetConfig({
  _class_name: "UNet2DConditionModel",
  act_fn: "silu",
  attention_head_dim: 8,
  block_out_channels: [320, 640, 1280, 1280],
  center_input_sample: false,
  cross_attention_dim: 768,
  mid_block_scale_factor: 1,
  sample_size: 64,
});
const sd14Autoencoder = parseAutoencoderConfig({
  block_out_channels: [128, 256, 512, 512],
  down_block_types: Array(4).fill("DownEncoderBlock2D"),
  up_block_types: Array(4).fill("UpDecoderBlock2D"),
  layers_per_block: 2,
  sample_size: 512,
});
const textL = { hidden_size: 768, intermediate_size: 3072, num_attention_heads: 12 };
const clipL = parseClipConfig({
  projection_dim: 768,
  text_config: textL,
  vision_config: {
    hidden_size: 1024,
    intermediate_size: 4096,
    num_hidden_layers: 24,
    num_attention_heads: 16,
    patch_size: 14,
  },
});
const clipH = parseClipConfig({
  projection_dim: 1024,
  text_config: {
    hidden_size: 1024,
    intermediate_size: 4096,
    num_hidden_layers: 24,
    num_attention_heads: 16,
    hidden_act: "gelu",
  },
  vision_config: {
    hidden_size: 1280,
    intermediate_size: 5120,
    num_hidden_layers: 32,
    num_attention_heads: 16,
    patch_size: 14,
    hidden_act: "gelu",
  },
});

const published: Record<string, () => ParamSpec[]> = {
  sd14_unet: () => declareUNet(sd14UNet),
  sd14_vae: () => declareAutoencoder(sd14Autoencoder),
  sd14_text_encoder: () => declareClipText(parseClipTextConfig(textL)),
  sd14_lora: () => declareUNetLora(sd14UNet, parseLoraConfig({})),
  clip_l: () => declareClip(clipL),
  clip_h: () => declareClip(clipH),
  imagereward: () => declareImageReward(parseImageRewardConfig({})),
};

for (const [name, declare] of Object.entries(published)) {
  Deno.test(`${name}: names and shapes are those of the published checkpoint`, async () => {
    const specs = declare();
    const expected = checkpoints[name]!;
    const shapes = new Map(specs.map(({ name, shape }) => [name, shape.join("x")]));
    for (const [param, shape] of Object.entries(expected.some)) assertEquals(shapes.get(param), shape, param);
    assertEquals(specs.length, expected.tensors);
    assertEquals(parameters(specs), expected.parameters);
    assertEquals(await sha256([...shapes].map(([param, shape]) => `${param} ${shape}`)), expected.sha256);
  });
}

Deno.test("the models of the embedded pipeline are as small as they are meant to be", () => {
  const unet = parseUNetConfig({
    sample_size: 8,
    block_out_channels: [32, 64, 128],
    down_block_types: ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    layers_per_block: 1,
    attention_head_dim: [1, 2, 4],
    cross_attention_dim: 96,
    norm_num_groups: 8,
  });
  const tower = { hidden_size: 96, intermediate_size: 384, num_attention_heads: 3, projection_dim: 64 };
  const found = {
    unet: declareUNet(unet),
    lora: declareUNetLora(unet, parseLoraConfig({})),
    text: declareClipText(
      parseClipTextConfig({ ...tower, num_hidden_layers: 2, vocab_size: 1024, max_position_embeddings: 16 }),
    ),
    vision: declareClipVision(
      parseClipVisionConfig({ ...tower, num_hidden_layers: 4, image_size: 32, patch_size: 8 }),
    ),
    autoencoder: declareAutoencoder(parseAutoencoderConfig({
      block_out_channels: [16, 32, 64],
      down_block_types: Array(3).fill("DownEncoderBlock2D"),
      up_block_types: Array(3).fill("UpDecoderBlock2D"),
      norm_num_groups: 8,
    })),
    tower: declareConvTower(parseConvTowerConfig({})),
  };
  const millions = { unet: 3.19, lora: 0.0287, text: 0.32, vision: 0.47, autoencoder: 0.68, tower: 0.49 };
  for (const [name, specs] of Object.entries(found)) {
    const expected = millions[name as keyof typeof millions];
    const own = parameters(specs) / 1e6;
    assert(Math.abs(own - expected) < 0.02 * expected, `${name}: ${own} million instead of ${expected}`);
  }
});

interface Checkpoint {
  readonly tensors: number;
  readonly parameters: number;
  readonly sha256: string;
  readonly some: Readonly<Record<string, string>>;
}

function parameters(specs: readonly ParamSpec[]): number {
  return specs.reduce((sum, { shape }) => sum + size(shape), 0);
}

async function sha256(lines: readonly string[]): Promise<string> {
  const bytes = new TextEncoder().encode(lines.toSorted().join("\n"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

import { assertEquals, assertThrows } from "@std/assert";
import {
  parseAutoencoderConfig,
  parseClipTextConfig,
  parseClipVisionConfig,
  parseConvTowerConfig,
  parseCriticConfig,
  parseLoraConfig,
  parseUNetConfig,
} from "../../lib/models/mod.ts";

type Parse = (json: unknown) => unknown;

const refused: readonly [string, Parse, unknown, string][] = [
  ["an activation", parseUNetConfig, { act_fn: "gelu" }, 'act_fn is not supported: "gelu"'],
  [
    "a class embedding",
    parseUNetConfig,
    { class_embed_type: "timestep" },
    "class_embed_type is not supported",
  ],
  ["an unknown switch", parseUNetConfig, { brand_new: true }, "brand_new is not supported: true"],
  [
    "a block type",
    parseUNetConfig,
    { down_block_types: ["AttnDownBlock2D"] },
    "down_block_types is not supported",
  ],
  ["a list too short", parseUNetConfig, { block_out_channels: [32, 64] }, "down_block_types has 4 entries"],
  ["groups that do not divide", parseUNetConfig, { norm_num_groups: 24 }, "24 and 320"],
  ["heads that do not divide", parseUNetConfig, { attention_head_dim: 7 }, "7 and 320"],
  ["padding", parseUNetConfig, { downsample_padding: 2 }, "downsample_padding is not supported: 2"],
  ["no quantising convolution", parseAutoencoderConfig, { use_quant_conv: false }, "use_quant_conv"],
  ["a shift", parseAutoencoderConfig, { shift_factor: 0.1 }, "shift_factor is not supported: 0.1"],
  ["a text activation", parseClipTextConfig, { hidden_act: "relu" }, 'hidden_act is not supported: "relu"'],
  ["text heads", parseClipTextConfig, { hidden_size: 100 }, "8 and 100"],
  ["patches", parseClipVisionConfig, { image_size: 30, patch_size: 8 }, "8 and 30"],
  ["residual blocks", parseConvTowerConfig, { res_blocks: [0, 1] }, "res_blocks has 2 entries"],
  ["targets", parseLoraConfig, { targets: ["proj_in"] }, 'targets is not supported: ["proj_in"]'],
  ["dropout", parseCriticConfig, { embedding_dim: 8, dropout: [0.2] }, "dropout is not 4 numbers"],
];

for (const [what, parse, json, message] of refused) {
  Deno.test(`configs: refuse ${what} by name`, () => {
    assertThrows(() => parse(json), RangeError, message);
  });
}

const mistyped: readonly [string, Parse, unknown, string][] = [
  ["a list instead of an object", parseUNetConfig, [1], "is not an object: [1]"],
  ["a fraction", parseUNetConfig, { in_channels: 1.5 }, "in_channels is not a whole number above 0: 1.5"],
  [
    "a string instead of a number",
    parseAutoencoderConfig,
    { scaling_factor: "1" },
    'scaling_factor is not a number: "1"',
  ],
  ["no embedding_dim", parseCriticConfig, {}, "embedding_dim is missing"],
];

for (const [what, parse, json, message] of mistyped) {
  Deno.test(`configs: a type error where there is ${what}`, () => {
    assertThrows(() => parse(json), TypeError, message);
  });
}

Deno.test("configs: one number of heads stands for all stages", () => {
  assertEquals(parseUNetConfig({}).attention_head_dim, [8, 8, 8, 8]);
  assertEquals(parseUNetConfig({ attention_head_dim: [5, 10, 20, 20] }).attention_head_dim, [5, 10, 20, 20]);
});

Deno.test("configs: what is null or switched off is as if it were missing", () => {
  const plain = parseUNetConfig({});
  assertEquals(
    parseUNetConfig({ class_embed_type: null, only_cross_attention: false, sample_size: null, _any: 1 }),
    plain,
  );
});

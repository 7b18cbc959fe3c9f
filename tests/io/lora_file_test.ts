import { assertEquals, assertThrows } from "@std/assert";
import { type ParamTree, tensor } from "../../lib/core/tensor.ts";
import { loraRank, nameForFile, readAdapters } from "../../lib/io/lora_file.ts";
import { parseLoraConfig } from "../../lib/models/lora.ts";
import { declareUNetLora } from "../../lib/models/unet_2d_condition.ts";
import { parseUNetConfig } from "../../lib/models/unet_config.ts";

const layer = "down_blocks.0.attentions.0.transformer_blocks.0.attn1";
const adapters: ParamTree = {
  [`${layer}.to_q.lora_A.weight`]: tensor([2, 3], [1, 2, 3, 4, 5, 6]),
  [`${layer}.to_q.lora_B.weight`]: tensor([3, 2], [6, 5, 4, 3, 2, 1]),
  [`${layer}.to_out.0.lora_A.weight`]: tensor([2, 3], [0, 1, 0, 1, 0, 1]),
  [`${layer}.to_out.0.lora_B.weight`]: tensor([3, 2], [1, 0, 1, 0, 1, 0]),
};
const shapes = Object.fromEntries(Object.entries(adapters).map(([name, { shape }]) => [name, shape]));
const kohya = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1";

/** The adapters with every name replaced. */
function renamed(name: (name: string) => string): ParamTree {
  return Object.fromEntries(Object.entries(adapters).map(([old, param]) => [name(old), param]));
}

Deno.test("nameForFile: the names that attention processors have", () => {
  assertEquals(Object.keys(nameForFile(adapters)), [
    `unet.${layer}.processor.to_q_lora.down.weight`,
    `unet.${layer}.processor.to_q_lora.up.weight`,
    `unet.${layer}.processor.to_out_lora.down.weight`,
    `unet.${layer}.processor.to_out_lora.up.weight`,
  ]);
});

Deno.test("readAdapters: all spellings lead to the same adapters", () => {
  const files: readonly ParamTree[] = [
    nameForFile(adapters),
    Object.fromEntries(
      Object.entries(nameForFile(adapters)).map(([name, param]) => [name.replace("unet.", ""), param]),
    ),
    adapters,
    renamed((name) => `unet.${name}`),
    {
      ...renamed((name) =>
        name.replace(layer, kohya).replace(".to_q", "_to_q").replace(".to_out.0", "_to_out_0")
          .replace("lora_A", "lora_down").replace("lora_B", "lora_up")
      ),
      [`${kohya}_to_q.alpha`]: tensor([], [2]),
      [`${kohya}_to_out_0.alpha`]: tensor([], [2]),
    },
  ];
  for (const file of files) {
    assertEquals(loraRank(file), 2);
    assertEquals(readAdapters(file, shapes), adapters);
  }
});

Deno.test("readAdapters: alpha over rank is the strength, what is left out is zero", () => {
  const found = readAdapters({
    [`${kohya}_to_q.lora_down.weight`]: adapters[`${layer}.to_q.lora_A.weight`]!,
    [`${kohya}_to_q.lora_up.weight`]: adapters[`${layer}.to_q.lora_B.weight`]!,
    [`${kohya}_to_q.alpha`]: tensor([], [1]),
  }, shapes);
  assertEquals(found[`${layer}.to_q.lora_A.weight`], adapters[`${layer}.to_q.lora_A.weight`]);
  assertEquals(found[`${layer}.to_q.lora_B.weight`], tensor([3, 2], [3, 2.5, 2, 1.5, 1, 0.5]));
  assertEquals(found[`${layer}.to_out.0.lora_B.weight`], tensor([3, 2], [0, 0, 0, 0, 0, 0]));
});

Deno.test("readAdapters: what belongs to another model is refused by name", () => {
  const stray = { ...adapters, "lora_te_text_model_layers_0.lora_up.weight": tensor([1, 1], [0]) };
  assertThrows(() => readAdapters(stray, shapes), SyntaxError, "lora_te_text_model_layers_0");
  const wide = { ...shapes, [`${layer}.to_q.lora_A.weight`]: [2, 4] };
  assertThrows(() => readAdapters(adapters, wide), SyntaxError, "[2, 3] where [2, 4] is needed");
  assertThrows(() => loraRank({ weight: tensor([1], [0]) }), SyntaxError, "holds none: found weight");
  assertThrows(
    () => loraRank({ ...adapters, "x.to_q.lora_A.weight": tensor([3, 1], [0, 0, 0]) }),
    SyntaxError,
    "ranks differ: 2 and 3",
  );
});

Deno.test("nameForFile: every adapter of a UNet has a name of its own", () => {
  const config = parseUNetConfig({
    sample_size: 8,
    block_out_channels: [32, 64],
    down_block_types: ["CrossAttnDownBlock2D", "DownBlock2D"],
    up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D"],
    cross_attention_dim: 16,
    attention_head_dim: 2,
    norm_num_groups: 8,
  });
  const specs = declareUNetLora(config, parseLoraConfig({}));
  const file = nameForFile(Object.fromEntries(specs.map(({ name }) => [name, tensor([], [0])])));
  assertEquals(Object.keys(file).length, specs.length);
});

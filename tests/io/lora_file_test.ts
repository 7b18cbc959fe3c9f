import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type ParamTree, size, tensor } from "../../lib/core/tensor.ts";
import { alphaOfConfig, alphaOfMetadata } from "../../lib/io/lora_alpha.ts";
import { fitLora, readLora, writeLora } from "../../lib/io/lora_file.ts";
import { type LoraFormat, loraLayouts, loraName, parseLoraName } from "../../lib/io/lora_layouts.ts";
import { checkMerge, mergeLora } from "../../lib/io/lora_merge.ts";
import { formatMetadata, originMetadata, ownMetadata } from "../../lib/io/lora_metadata.ts";
import { parseLoraConfig } from "../../lib/models/lora.ts";
import { declareUNet, declareUNetLora } from "../../lib/models/unet_2d_condition.ts";
import { parseUNetConfig } from "../../lib/models/unet_config.ts";
import { openSafetensors } from "../../lib/io/safetensors.ts";
import { readFromMemory, readTensors } from "../../lib/io/weights_file.ts";

const attention = "down_blocks.0.attentions.0.transformer_blocks.0.attn1";
const adapters: ParamTree = {
  [`${attention}.to_q.lora_A.weight`]: tensor([2, 3], [1, 2, 3, 4, 5, 6]),
  [`${attention}.to_q.lora_B.weight`]: tensor([4, 2], [8, 7, 6, 5, 4, 3, 2, 1]),
  [`${attention}.to_out.0.lora_A.weight`]: tensor([2, 3], [0, 1, 0, 1, 0, 1]),
  [`${attention}.to_out.0.lora_B.weight`]: tensor([4, 2], [1, 0, 1, 0, 1, 0, 1, 0]),
};
const shapes = Object.fromEntries(Object.entries(adapters).map(([name, { shape }]) => [name, shape]));
const kohya = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1";
const formats = Object.keys(loraLayouts) as LoraFormat[];

/** The first names that each layout gives. */
const named: Readonly<Record<LoraFormat, readonly string[]>> = {
  diffusers: [
    `unet.${attention}.processor.to_q_lora.down.weight`,
    `unet.${attention}.processor.to_out_lora.up.weight`,
  ],
  kohya: [`${kohya}_to_q.lora_down.weight`, `${kohya}_to_out_0.lora_up.weight`, `${kohya}_to_out_0.alpha`],
  peft: [`unet.${attention}.to_q.lora_A.weight`, `unet.${attention}.to_out.0.lora_B.weight`],
  reference: [`${attention}.processor.to_q_lora.down.weight`, `${attention}.processor.to_out_lora.up.weight`],
};

async function open(file: Uint8Array) {
  const opened = await openSafetensors(readFromMemory(file), file.length);
  return { tensors: await readTensors(opened), metadata: opened.metadata };
}

function renamed(tree: ParamTree, rename: (name: string) => string): ParamTree {
  return Object.fromEntries(Object.entries(tree).map(([name, param]) => [rename(name), param]));
}

for (const format of formats) {
  Deno.test(`${format}: what is written is read back, under the layout's names`, async () => {
    for (const dtype of ["F32", "F16"] as const) {
      const { tensors, metadata } = await open(writeLora(adapters, { format, dtype, metadata: { a: "b" } }));
      for (const name of named[format]) assert(name in tensors, `${name} is not in ${Object.keys(tensors)}`);
      assertEquals(Object.keys(tensors).length, format === "kohya" ? 6 : 4);
      assertEquals(metadata, { format: "pt", a: "b" });
      const { rank, layers, formats, ...found } = readLora(tensors);
      assertEquals([rank, layers, formats], [2, 2, [format]]);
      assertEquals(fitLora(found.adapters, shapes), adapters);
    }
  });
}

Deno.test("spellings of other versions are read, layouts may be mixed", () => {
  const wrapped = renamed(adapters, (name) => `base_model.model.${name}`);
  const scripts = renamed(
    adapters,
    (name) => `unet.${name.replace("lora_A", "lora.down").replace("lora_B", "lora.up")}`,
  );
  const mixed = renamed(adapters, (name) => {
    const { layer, part } = parseLoraName(name)!;
    return loraName(loraLayouts[name.includes("to_q") ? "kohya" : "diffusers"], layer, part);
  });
  const cases: readonly [ParamTree, readonly LoraFormat[]][] = [
    [adapters, ["peft"]],
    [wrapped, ["peft"]],
    [scripts, ["diffusers"]],
    [mixed, ["kohya", "diffusers"]],
  ];
  for (const [tree, formats] of cases) {
    const found = readLora(tree);
    assertEquals(found.formats, formats);
    assertEquals(found.adapters, adapters);
  }
});

Deno.test("alpha over rank is the strength: a layer's own before the file's", () => {
  const up = `${attention}.to_q.lora_B.weight`, other = `${attention}.to_out.0.lora_B.weight`;
  const found = readLora({ ...adapters, [`${attention}.to_q.alpha`]: tensor([], [1]) }, 4).adapters;
  assertEquals(found[up], tensor([4, 2], [4, 3.5, 3, 2.5, 2, 1.5, 1, 0.5]));
  assertEquals(found[other], tensor([4, 2], [2, 0, 2, 0, 2, 0, 2, 0]));
  assertEquals(alphaOfConfig({ r: 2, lora_alpha: 4, alpha_pattern: {}, use_dora: false }), 4);
  const config = (text: string) => alphaOfMetadata({ lora_adapter_metadata: text });
  assertEquals(config(JSON.stringify({ "unet.lora_alpha": 8, "text_encoder.lora_alpha": 1 })), 8);
  assertEquals(alphaOfMetadata({ format: "pt" }), null);
  assertThrows(() => config("{"), SyntaxError, "lora_adapter_metadata is not JSON");
  assertThrows(() => alphaOfConfig({ use_rslora: true }), SyntaxError, "use_rslora is not supported: true");
  assertThrows(() => alphaOfConfig({ alpha_pattern: { to_q: 2 } }), SyntaxError, "alpha_pattern");
  assertThrows(() => alphaOfConfig({ lora_alpha: "4" }), SyntaxError, 'lora_alpha is no number: "4"');
});

Deno.test("layers of a lower rank, and layers left out, are filled up with zeros", () => {
  const down = `${attention}.to_q.lora_A.weight`, up = `${attention}.to_q.lora_B.weight`;
  const narrow = { [down]: tensor([1, 3], [1, 2, 3]), [up]: tensor([4, 1], [4, 3, 2, 1]) };
  const { rank } = readLora({ ...adapters, ...narrow });
  assertEquals(rank, 2);
  const fitted = fitLora(narrow, shapes);
  assertEquals(fitted[down], tensor([2, 3], [1, 2, 3, 0, 0, 0]));
  assertEquals(fitted[up], tensor([4, 2], [4, 0, 3, 0, 2, 0, 1, 0]));
  assertEquals(fitted[`${attention}.to_out.0.lora_B.weight`], tensor([4, 2], Array(8).fill(0)));
});

Deno.test("what is no whole adapter of the model is refused by name", () => {
  const [q, out] = [`${attention}.to_q`, `${attention}.to_out.0`];
  const without = (name: string) =>
    Object.fromEntries(Object.entries(adapters).filter(([own]) => own !== name));
  const cases: readonly [ParamTree, string][] = [
    [{}, "the file holds none: it is empty"],
    [
      { ...adapters, "lora_te_text_model_layers_0.lora_up.weight": tensor([1, 1], [0]) },
      "lora_te_text_model_layers_0",
    ],
    [{ ...adapters, [`${q}.lora_magnitude_vector`]: tensor([1], [0]) }, "to_q.lora_magnitude_vector"],
    [without(`${q}.lora_A.weight`), `${q} lacks its first matrix: ${q}.lora_B.weight alone`],
    [without(`${out}.lora_B.weight`), `${out} lacks its second matrix: ${out}.lora_A.weight alone`],
    [
      { ...adapters, [`unet.${q}.lora_A.weight`]: tensor([2, 3], Array(6).fill(0)) },
      `twice, as ${q}.lora_A.weight`,
    ],
    [
      { ...adapters, [`${q}.lora_A.weight`]: tensor([1, 3], [0, 0, 0]) },
      "do not fit each other: [1, 3] and [4, 2]",
    ],
    [{ ...adapters, [`${q}.lora_B.weight`]: tensor([2, 2, 2], Array(8).fill(0)) }, "[2, 3] and [2, 2, 2]"],
    [
      { ...adapters, [`${q}.lora_A.weight`]: tensor([2, 3], [0, NaN, 0, 0, 0, 0]) },
      `${q}.lora_A.weight is damaged: element 1 is NaN`,
    ],
    [{ ...adapters, [`${q}.alpha`]: tensor([2], [1, 1]) }, `${q}.alpha is not one number: [2]`],
    [{ ...adapters, [`${q}.alpha`]: tensor([], [NaN]) }, `${q}.alpha is no number: NaN`],
    [
      { ...adapters, ...renamed(adapters, (name) => name.replace("to_", "up_")) },
      `attune merge makes a model of adapters of any layer: ${attention}.up_q`,
    ],
  ];
  for (const [tree, message] of cases) {
    const error = assertThrows(() => fitLora(readLora(tree).adapters, shapes), SyntaxError);
    assertStringIncludes(error.message, message);
  }
  const wide = { ...shapes, [`${q}.lora_A.weight`]: [2, 4] };
  assertThrows(() => fitLora(adapters, wide), SyntaxError, "[2, 3] where [2, 4] is needed");
  const low = { ...shapes, [`${q}.lora_A.weight`]: [1, 3] };
  assertThrows(() => fitLora(adapters, low), SyntaxError, "[2, 3] where [1, 3] is needed");
  const other = renamed(adapters, (name) => name.replace("attn1.to_q", "ff.net.2"));
  assertThrows(() => writeLora(other, { format: "diffusers" }), TypeError, "no projection of an attention");
  assertEquals(
    readLora(renamed(other, (name) => {
      const { layer, part } = parseLoraName(name)!;
      return loraName(loraLayouts.kohya, layer, part);
    })).adapters,
    other,
  );
});

Deno.test("a weight becomes W + strength B A, of a convolution too; others stay", () => {
  const weight = tensor([4, 3], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
  const merged = mergeLora(`${attention}.to_q.weight`, weight, adapters, 0.5);
  // B A = [[36, 51, 66], [26, 37, 48], [16, 23, 30], [6, 9, 12]].
  assertEquals(merged, tensor([4, 3], [19, 26.5, 34, 14, 19.5, 25, 9, 12.5, 16, 4, 5.5, 7]));
  assertEquals(mergeLora(`${attention}.to_q.bias`, weight, adapters, 1), weight);
  assertEquals(mergeLora(`${attention}.to_k.weight`, weight, adapters, 1), weight);
  const conv = {
    "conv.lora_A.weight": tensor([1, 1, 1, 2], [1, 2]),
    "conv.lora_B.weight": tensor([2, 1, 1, 1], [3, 4]),
  };
  checkMerge(conv, new Map([["conv.weight", [2, 1, 1, 2]]]));
  assertEquals(
    mergeLora("conv.weight", tensor([2, 1, 1, 2], [0, 0, 1, 1]), conv, 1),
    tensor([2, 1, 1, 2], [3, 6, 5, 9]),
  );
  assertThrows(() => checkMerge(conv, new Map()), SyntaxError, "the model has no such layer: conv");
  assertThrows(
    () => checkMerge(conv, new Map([["conv.weight", [2, 3]]])),
    SyntaxError,
    "those of conv do not fit its weight [2, 3]: [1, 1, 1, 2] and [2, 1, 1, 1]",
  );
});

Deno.test("metadata tells where adapters come from, and kohya's tools what they ask for", () => {
  const origin = originMetadata({
    base: "mini",
    base_hash: "abc",
    method: "tdpo-r",
    reward: "colourfulness",
    epoch: 5,
    step: 40,
    scores: { colourfulness: 59.5 },
  });
  assertEquals(origin["attune.step"], "40");
  assertEquals(origin["attune.scores"], '{"colourfulness":59.5}');
  assertEquals(ownMetadata({ ...origin, format: "pt", ss_network_dim: "4" }), origin);
  const title = { name: "x", date: "2024-01-01T00:00:00.000Z", base: "mini" };
  for (const format of formats) {
    const strings = formatMetadata(format, adapters, title);
    assertEquals(strings.ss_network_dim, format === "kohya" ? "2" : undefined);
    assertEquals(strings.ss_base_model_version, undefined);
  }
  const key = "x.attn2.to_k.lora_A.weight";
  const { ss_network_dim, ss_base_model_version } = formatMetadata(
    "kohya",
    { ...adapters, [key]: tensor([1, 768], new Float32Array(768)) },
    title,
  );
  assertEquals([ss_network_dim, ss_base_model_version], ["Dynamic", "sd_v1"]);
});

Deno.test("Stable Diffusion 1's adapters have the names and shapes that the tools' own files have", async () => {
  const unet = parseUNetConfig({
    attention_head_dim: 8,
    block_out_channels: [320, 640, 1280, 1280],
    cross_attention_dim: 768,
    sample_size: 64,
  });
  const zeros = declareUNetLora(unet, parseLoraConfig({})).map(({ name, shape }) =>
    [name, tensor(shape, new Float32Array(size(shape)))] as const
  );
  // SHA-256 of the sorted lines "name shape" of files of rank 4, by diffusers 0.17.1, PEFT and kohya's scripts.
  const expected: Readonly<Record<LoraFormat, string>> = {
    diffusers: "62e5eb1eb4fbbb958f77ddd87a7ba26be14c2347ac81ba53b21ec3e683998904",
    kohya: "731ba33014907e5a36e77056976698fa2bf5c62033c8775fd4913f64a5ac808b",
    peft: "0ac0cd309525cd351bc8c59004f44df7d21ca9d8c9405b4d8a1245039094f0ca",
    reference: "b59f1096b147326ef14f7b9ebd3de8338be5a64476d0ee74ee2aeea23d889c90",
  };
  for (const format of formats) {
    const { tensors } = await open(writeLora(Object.fromEntries(zeros), { format, dtype: "F16" }));
    const lines = Object.entries(tensors).map(([name, { shape }]) => `${name} ${shape.join("x")}`);
    const text = new TextEncoder().encode(lines.toSorted().join("\n"));
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", text)).toHex();
    assertEquals(hash, expected[format], format);
  }
  // Kohya's names lose where the dots were, of every layer of the UNet.
  for (const { name } of declareUNet(unet).filter(({ shape }) => shape.length > 1)) {
    const layer = name.replace(/\.weight$/, "");
    assertEquals(parseLoraName(loraName(loraLayouts.kohya, layer, "down"))?.layer, layer);
  }
});

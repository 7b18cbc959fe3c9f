import { assertEquals, assertThrows } from "@std/assert";
import { type FloatTensor, type ParamTree, words } from "../../lib/core/tensor.ts";
import { mul, sum, type Value } from "../../lib/engine/mod.ts";
import {
  clipImage,
  clipText,
  declareClip,
  declareClipText,
  declareClipVision,
  parseClipConfig,
  parseClipTextConfig,
  parseClipVisionConfig,
  pooledText,
  textEnds,
  textProjection,
} from "../../lib/models/mod.ts";
import { declareParams } from "../../lib/nn/scope.ts";
import { input } from "../../lib/engine/graph.ts";
import { channelsLast, checkGolden, readGolden, readGoldenJson, runtimes, withPrefix } from "./golden.ts";

for (const { name: where, runtime } of runtimes) {
  Deno.test(`the text tower with quick_gelu computes what transformers does, on the ${where}`, async () => {
    const { config, ids, file, weights } = await textCase("text_quick");
    await checkGolden(runtime, {
      inputs: { ids, ends: textEnds(ids, config), cotangent: file.cotangent! },
      params: [{ specs: declareClipText(config), values: weights }],
      build: ([scope], { ids, ends, cotangent }) => {
        const hidden = clipText(scope!, config, ids!);
        return {
          outputs: { last_hidden_state: hidden, pooler_output: pooledText(hidden, ends!) },
          losses: { grad: against(hidden, cotangent!) },
        };
      },
      outputs: withPrefix(file, "output."),
      gradients: withPrefix(file, "grad.", { keep: true }),
    });
  });

  Deno.test(`the projected text tower with gelu computes what transformers does, on the ${where}`, async () => {
    const { config, ids, file, weights } = await textCase("text_gelu");
    const specs = declareParams((scope) => {
      const hidden = clipText(scope, config, input("ids", [1, 1], "u32"));
      return textProjection(scope, config, pooledText(hidden, input("ends", [1], "u32")));
    });
    await checkGolden(runtime, {
      inputs: { ids, ends: textEnds(ids, config), cotangent: file.cotangent! },
      params: [{ specs, values: weights }],
      build: ([scope], { ids, ends, cotangent }) => {
        const hidden = clipText(scope!, config, ids!);
        const embeds = textProjection(scope!, config, pooledText(hidden, ends!));
        return {
          outputs: { last_hidden_state: hidden, text_embeds: embeds },
          losses: { grad: against(embeds, cotangent!) },
        };
      },
      outputs: withPrefix(file, "output."),
      gradients: withPrefix(file, "grad.", { keep: true }),
    });
  });

  for (const name of ["vision_quick", "vision_gelu"]) {
    Deno.test(`${name}: the image tower computes what transformers does, on the ${where}`, async () => {
      const config = parseClipVisionConfig((await readGoldenJson(name)).config);
      const file = await readGolden(name);
      const specs = declareClipVision(config);
      await checkGolden(runtime, {
        inputs: { pixel_values: channelsLast(file["input.pixel_values"]!), cotangent: file.cotangent! },
        params: [{ specs, values: await readGolden(`${name}.weights`) }],
        build: ([scope], { pixel_values, cotangent }) => {
          const embeds = clipImage(scope!, config, pixel_values!);
          const loss = against(embeds, cotangent!);
          return { outputs: { image_embeds: embeds }, losses: { grad: loss, grad_input: loss } };
        },
        outputs: { image_embeds: file["output.image_embeds"]! },
        gradients: withPrefix(file, "grad.", { keep: true }),
        inputGradients: { "grad_input.pixel_values": channelsLast(file["grad_input.pixel_values"]!) },
      });
    });
  }
}

Deno.test("a text without an end is refused, one with two ends at the first", () => {
  const config = parseClipTextConfig({ vocab_size: 8, eos_token_id: 7 });
  const old = { ...config, eos_token_id: 2 };
  const ids = words([2, 3], [6, 7, 7, 6, 1, 7]);
  assertEquals([...textEnds(ids, config).data], [1, 5]);
  assertEquals([...textEnds(ids, old).data], [1, 5]);
  assertThrows(() => textEnds(words([1, 2], [6, 1]), config), RangeError, "no end-of-text token 7");
});

Deno.test("CLIP's parts share one tree of parameters", () => {
  const config = parseClipConfig({
    projection_dim: 8,
    text_config: { hidden_size: 8, num_attention_heads: 2, num_hidden_layers: 1, vocab_size: 9 },
    vision_config: { hidden_size: 8, num_attention_heads: 2, num_hidden_layers: 1, image_size: 64 },
  });
  const names = declareClip(config).map(({ name }) => name);
  const parts = [...declareClipText(config.text_config), ...declareClipVision(config.vision_config)];
  assertEquals(
    names.toSorted(),
    [...parts.map(({ name }) => name), "text_projection.weight", "logit_scale"].toSorted(),
  );
});

async function textCase(name: string) {
  const { config: json, ids } = await readGoldenJson(name) as { config: unknown; ids: number[][] };
  const config = parseClipTextConfig(json);
  const file: ParamTree = await readGolden(name);
  const weights: Record<string, FloatTensor> = await readGolden(`${name}.weights`);
  return { config, ids: words([ids.length, ids[0]!.length], ids.flat()), file, weights };
}

function against(output: Value, cotangent: Value): Value {
  return sum(mul(output, cotangent));
}

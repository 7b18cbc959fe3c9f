import { assert, assertEquals, assertThrows } from "@std/assert";
import { fold, key, normals } from "../../lib/core/random.ts";
import { type FloatTensor, size, tensor } from "../../lib/core/tensor.ts";
import { evaluate, grad, input, interpreter, mul, sum, type Value } from "../../lib/engine/mod.ts";
import {
  declareUNet,
  declareUNetLora,
  loraOver,
  parseLoraConfig,
  parseUNetConfig,
  unet,
  type UNet2DConditionConfig,
} from "../../lib/models/mod.ts";
import { bindParams, initParams } from "../../lib/nn/scope.ts";
import { toEngine } from "../../lib/nn/layout.ts";
import {
  assertClose,
  channelsLast,
  checkGolden,
  readGolden,
  readGoldenJson,
  run,
  runtimes,
  withPrefix,
} from "./golden.ts";

const tiny = parseUNetConfig({
  block_out_channels: [8, 16],
  down_block_types: ["CrossAttnDownBlock2D", "DownBlock2D"],
  up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D"],
  layers_per_block: 1,
  norm_num_groups: 4,
  attention_head_dim: [1, 2],
  cross_attention_dim: 8,
});
const everyLayer = parseLoraConfig({});

for (const { name: where, runtime } of runtimes) {
  // The GPU, whose shaders take long to build, computes the larger case only.
  for (const name of where === "GPU" ? ["unet_three_levels"] : ["unet_two_levels", "unet_three_levels"]) {
    Deno.test(`${name}: the UNet computes what diffusers does, on the ${where}`, async () => {
      const { config, inputs, weights, file } = await unetCase(name);
      await checkGolden(runtime, {
        inputs: { ...inputs, cotangent: channelsLast(file.cotangent!) },
        params: [{ specs: declareUNet(config), values: weights }],
        build: ([scope], { cotangent, ...inputs }) =>
          graphOf(unet(scope!, config, named(inputs)), cotangent!),
        outputs: { sample: channelsLast(file["output.sample"]!) },
        gradients: withPrefix(file, "grad.", { keep: true }),
        inputGradients: inputGradientsOf(file),
      });
    });

    Deno.test(`${name}: the adapted UNet computes what PEFT does, on the ${where}`, async () => {
      const { config, inputs, weights, file: { cotangent } } = await unetCase(name);
      const file = await readGolden(`${name}.lora`);
      const adapters = withPrefix(await readGolden(`${name}.lora.weights`), "unet.");
      await checkGolden(runtime, {
        inputs: { ...inputs, cotangent: channelsLast(cotangent!) },
        params: [
          { specs: declareUNet(config), values: weights },
          { specs: declareUNetLora(config, everyLayer), values: adapters },
        ],
        build: ([scope, lora], { cotangent, ...inputs }) =>
          graphOf(unet(scope!, config, named(inputs), loraOver(lora!, everyLayer)), cotangent!),
        outputs: { sample: channelsLast(file["output.sample"]!) },
        gradients: withPrefix(file, "grad.", { keep: true }),
        inputGradients: inputGradientsOf(file),
      });
    });
  }

  Deno.test(`a rematerialised UNet computes the same bits, gradients too, on the ${where}`, async () => {
    const { values, data, inputs } = traced(tiny, 2);
    const specs = declareUNetLora(tiny, everyLayer);
    const names = specs.map(({ name }) => `lora:${name}`);
    const results = await Promise.all([false, true].map((rematerialise) => {
      const lora = loraOver(scopeAt(values, "lora:"), everyLayer);
      const eps = unet(scopeAt(values, "base:"), tiny, inputs, lora, { rematerialise });
      const gradients = grad(sum(mul(eps, eps)), names.map((name) => values[name]!));
      const outputs = Object.fromEntries([["eps", eps], ...names.map((name, i) => [name, gradients[i]!])]);
      return run(runtime, { inputs: values, outputs }, data);
    }));
    const [plain, again] = results as [Record<string, FloatTensor>, Record<string, FloatTensor>];
    assertClose(again.eps!, plain.eps!, 0, "eps");
    const largest = Math.max(...names.map((name) => Math.max(...plain[name]!.data.map(Math.abs))));
    for (const name of names) assertClose(again[name]!, plain[name]!, 0, name);
    assert(largest > 0, "every gradient is 0");
  });

  Deno.test(`an image's noise does not depend on the others in the batch, on the ${where}`, async () => {
    const both = await predict(2);
    const alone = await predict(1);
    const half = tensor(
      alone.shape,
      Float32Array.from({ length: alone.data.length }, (_, i) => both.data[i]!),
    );
    assertClose(half, alone, 0, "the first of two images");

    function predict(batch: number) {
      const { values, data, inputs } = traced(tiny, batch);
      const eps = unet(
        scopeAt(values, "base:"),
        tiny,
        inputs,
        loraOver(scopeAt(values, "lora:"), everyLayer),
      );
      return run(runtime, { inputs: values, outputs: { eps } }, data).then(({ eps }) => eps!);
    }
  });
}

Deno.test("adapters that are at strength 0, or new, leave the UNet as it is", async () => {
  const { values, data, inputs } = traced(tiny, 1);
  const lora = scopeAt(values, "lora:");
  const strength = input("strength", []);
  const outputs = {
    plain: unet(scopeAt(values, "base:"), tiny, inputs),
    off: unet(scopeAt(values, "base:"), tiny, inputs, loraOver(lora, everyLayer, strength)),
    on: unet(scopeAt(values, "base:"), tiny, inputs, loraOver(lora, everyLayer)),
  };
  const given = { ...data, strength: tensor([], [0]) };
  const at = await run(interpreter(), { inputs: { ...values, strength }, outputs }, given);
  assertClose(at.off!, at.plain!, 0, "strength 0");
  assert(at.on!.data.some((v, i) => v !== at.plain!.data[i]), "adapters with weights change nothing");

  const fresh = initParams(declareUNetLora(tiny, everyLayer), key(3));
  const renamed = Object.fromEntries(Object.entries(fresh).map(([name, value]) => [`lora:${name}`, value]));
  const start = evaluate({ inputs: values, outputs: { on: outputs.on } }, { ...data, ...renamed });
  assertClose(start.on!, at.plain!, 0, "new adapters");
});

Deno.test("adapters can be had for some projections only", () => {
  const only = declareUNetLora(tiny, parseLoraConfig({ rank: 2, targets: ["to_out.0"] }));
  const every = declareUNetLora(tiny, everyLayer);
  assertEquals(only.length, every.length / 4);
  assertEquals(only.slice(0, 2).map(({ name, shape }) => `${name} ${shape}`), [
    "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.lora_A.weight 2,8",
    "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.lora_B.weight 8,2",
  ]);
});

Deno.test("inputs that do not fit the UNet are refused with what is needed", () => {
  const scope = bindParams({});
  const inputs = { timestep: input("t", [1]), context: input("c", [1, 3, 8]) };
  assertThrows(
    () => unet(scope, tiny, { ...inputs, sample: input("x", [1, 8, 7, 4]) }),
    TypeError,
    "[1, 8, 7, 4]",
  );
  assertThrows(
    () => unet(scope, tiny, { ...inputs, sample: input("x", [1, 8, 8, 4]), context: input("c", [1, 3, 9]) }),
    TypeError,
    "[B, S, 8]",
  );
});

async function unetCase(name: string) {
  const json = await readGoldenJson(name);
  const file = await readGolden(name);
  const timesteps = json.timesteps as number[];
  return {
    config: parseUNetConfig(json.config),
    weights: await readGolden(`${name}.weights`),
    file,
    inputs: {
      sample: channelsLast(file["input.sample"]!),
      timestep: tensor([timesteps.length], timesteps),
      encoder_hidden_states: file["input.encoder_hidden_states"]!,
    },
  };
}

function named(inputs: Readonly<Record<string, Value>>) {
  return { sample: inputs.sample!, timestep: inputs.timestep!, context: inputs.encoder_hidden_states! };
}

function graphOf(sample: Value, cotangent: Value) {
  const loss = sum(mul(sample, cotangent));
  return { outputs: { sample }, losses: { grad: loss, grad_input: loss } };
}

function inputGradientsOf(file: Readonly<Record<string, FloatTensor>>) {
  return {
    "grad_input.sample": channelsLast(file["grad_input.sample"]!),
    "grad_input.encoder_hidden_states": file["grad_input.encoder_hidden_states"]!,
  };
}

/** Symbolic inputs and parameters of a UNet, with random values; nothing starts at 0. */
function traced(config: UNet2DConditionConfig, batch: number) {
  const data: Record<string, FloatTensor> = {
    sample: noise("sample", [batch, 4, 4, 4]),
    timestep: tensor([batch], [500, 20].slice(0, batch)),
    context: noise("context", [batch, 3, config.cross_attention_dim]),
  };
  const random = (prefix: string, specs: ReturnType<typeof declareUNet>) =>
    specs.forEach(({ name, shape, init }) => {
      const std = init.kind === "constant" ? 0.1 : 0.25;
      const around = init.kind === "constant" ? init.value : 0;
      const drawn = noise(name, shape).data.map((x) => around + std * x);
      data[`${prefix}${name}`] = toEngine(tensor(shape, drawn as Float32Array<ArrayBuffer>));
    });
  random("base:", declareUNet(config));
  random("lora:", declareUNetLora(config, everyLayer));
  const values = Object.fromEntries(
    Object.entries(data).map(([name, { shape }]) => [name, input(name, shape)]),
  );
  const inputs = { sample: values.sample!, timestep: values.timestep!, context: values.context! };
  return { data, values, inputs };
}

/** Normal numbers of which the first are the same whatever the number of rows. */
function noise(name: string, shape: readonly number[]): FloatTensor {
  return tensor(shape, normals(fold(key(11), name), size(shape)));
}

function scopeAt(values: Readonly<Record<string, Value>>, prefix: string) {
  return bindParams(Object.fromEntries(
    Object.entries(values).filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  ));
}

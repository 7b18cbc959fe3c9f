import { assert, assertEquals } from "@std/assert";
import { fold, key, normals, uniforms } from "../../lib/core/random.ts";
import { type FloatTensor, type Shape, size, tensor } from "../../lib/core/tensor.ts";
import { evaluate, type Graph, mean, square, trace, type Value, valueAndGrad } from "../../lib/engine/mod.ts";
import { plan, planBytes } from "../../lib/engine/plan.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { loraOver, parseLoraConfig } from "../../lib/models/lora.ts";
import { declareUNet, declareUNetLora, unet, type UNetOptions } from "../../lib/models/unet_2d_condition.ts";
import { parseUNetConfig } from "../../lib/models/unet_config.ts";
import { engineShape } from "../../lib/nn/layout.ts";
import { bindParams, keepingHalves, type ParamSpec, type Scope } from "../../lib/nn/scope.ts";
import { assertClose } from "../assert_close.ts";

const config = parseUNetConfig({
  sample_size: 8,
  block_out_channels: [16, 32],
  down_block_types: ["CrossAttnDownBlock2D", "DownBlock2D"],
  up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D"],
  layers_per_block: 1,
  attention_head_dim: 2,
  cross_attention_dim: 16,
  norm_num_groups: 4,
});
const lora = parseLoraConfig({});
const weights = shapesOf(declareUNet(config));
const adapters = shapesOf(declareUNetLora(config, lora));
const gpu = gpuRuntime(await openGpu(navigator.gpu));

Deno.test("the UNet gives a sample the same bits in batches of 4 and of 8", async () => {
  const whole = await predict(forward(8), inputsOf(8));
  const half = await predict(forward(4), inputsOf(8), 4);
  assertEquals(half.data, whole.data.slice(0, half.data.length));
  assert(whole.data.some((value) => Math.abs(value) > 0.01), "the prediction is 0");
});

Deno.test("the UNet predicts the same bits in the program of its adapters' gradients, rematerialised or not", async () => {
  for (const building of [{}, { within: keepingHalves }]) {
    const alone = await predict(forward(4, building), inputsOf(4));
    for (const rematerialise of [false, true]) {
      const found = await predict(training(4, adapters, { ...building, rematerialise }), inputsOf(4));
      assertEquals(found.data, alone.data, `rematerialise ${rematerialise}, ${Object.keys(building)}`);
    }
  }
});

Deno.test("the UNet that keeps halves predicts on the GPU what it does on the CPU, about what it would in f32", async () => {
  const given = inputsOf(1);
  const graph = forward(1, { within: keepingHalves });
  const { data } = await predict(graph, given);
  const [same, whole] = [graph, forward(1)].map((graph) => evaluate(graph, given).eps as FloatTensor);
  // What rounds to another half on the GPU is as far off as roundings are.
  assertClose(data, same!.data, 2e-3, "on the GPU");
  assertClose(data, whole!.data, 4e-3, "from f32");
  assert(data.some((value, i) => Math.abs(value - whole!.data[i]!) > 1e-4), "nothing is rounded");
});

Deno.test("the UNet's plan of training needs less memory rematerialised, and with what it keeps as halves", () => {
  const bytes = (building: Building) => planBytes(plan(training(8, adapters, building), { software: true }));
  const whole = bytes({});
  for (const less of [bytes({ rematerialise: true }), bytes({ within: keepingHalves })]) {
    assert(less < 0.8 * whole, `${less} of ${whole} bytes`);
  }
});

Deno.test("the UNet's MLPs in parts have the bits of one piece, gradients included, and smaller bindings", async () => {
  const widest = (graph: Graph) =>
    Math.max(
      ...plan(graph, { software: true }).dispatches.flatMap(({ kernel, places }) =>
        kernel.name.startsWith("matmul") ? places.map(({ bytes }) => bytes) : []
      ),
    );
  const graphs = [Infinity, PART_BYTES].map((mostBytes) =>
    training(4, adapters, { rematerialise: true, mostBytes })
  );
  assert(widest(graphs[0]!) > PART_BYTES && widest(graphs[1]!) <= PART_BYTES, `${graphs.map(widest)} bytes`);
  const [whole, parts] = [await run(graphs[0]!, inputsOf(4)), await run(graphs[1]!, inputsOf(4))];
  for (const [name, { data }] of Object.entries(whole)) assertEquals(parts[name]!.data, data, name);
});

/** 128 rows of the hidden layer of the first level, of its 256. */
const PART_BYTES = 128 * 4 * 2 * 64;

/** How the UNet is built. */
interface Building extends UNetOptions {
  /** What its scope becomes first; default what it is. */
  readonly within?: (scope: Scope) => Scope;
}

function forward(batch: number, building: Building = {}): Graph {
  return trace((x) => ({ eps: build(x, building) }), types(batch));
}

/** The prediction, and the gradient of its mean square by the adapters. */
function training(
  batch: number,
  wrt: Readonly<Record<string, Shape>>,
  building: Building,
): Graph {
  return trace((x) => {
    let eps: Value | undefined;
    const params = Object.fromEntries(Object.keys(wrt).map((name) => [name, x[name]!]));
    const { value, grads } = valueAndGrad(
      (params) => mean(square(eps = build({ ...x, ...params }, building))),
      params,
    );
    return {
      eps: eps!,
      loss: value,
      ...Object.fromEntries(Object.entries(grads).map(([k, g]) => [`d ${k}`, g])),
    };
  }, types(batch));
}

function build(
  x: Readonly<Record<string, Value>>,
  { within = (scope) => scope, ...options }: Building,
): Value {
  const inputs = { sample: x.sample!, timestep: x.timestep!, context: x.context! };
  return unet(within(bindParams(x)), config, inputs, loraOver(bindParams(x), lora), options);
}

function types(batch: number) {
  const inputs = { sample: [batch, 8, 8, 4], timestep: [batch], context: [batch, 4, 16] };
  return Object.fromEntries(
    Object.entries<Shape>({ ...inputs, ...weights, ...adapters }).map(([name, shape]) => [
      name,
      { shape, dtype: "f32" as const },
    ]),
  );
}

/** Random inputs and weights; every sample is at a step of its own. */
function inputsOf(batch: number): Record<string, FloatTensor> {
  return Object.fromEntries(
    Object.entries(types(batch)).map(([name, { shape }]) => {
      const from = fold(key(5), name);
      if (name === "timestep") {
        return [
          name,
          tensor(shape, uniforms(from, batch).map((u) => Math.floor(1000 * u))),
        ];
      }
      const scale = name in weights || name in adapters ? 0.1 : 1;
      return [name, tensor(shape, normals(from, size(shape)).map((v) => scale * v))];
    }),
  );
}

/** The prediction for the first so many samples. */
async function predict(
  graph: Graph,
  inputs: Readonly<Record<string, FloatTensor>>,
  samples?: number,
): Promise<FloatTensor> {
  const given = Object.fromEntries(
    Object.entries(inputs).map(([name, x]) => {
      const { shape } = graph.inputs[name]!;
      return [name, samples === undefined ? x : tensor(shape, x.data.slice(0, size(shape)))];
    }),
  );
  return (await run(graph, given)).eps!;
}

async function run(
  graph: Graph,
  given: Readonly<Record<string, FloatTensor>>,
): Promise<Readonly<Record<string, FloatTensor>>> {
  const program = await gpu.compile(graph);
  const results = program.run(given);
  const found = await gpu.get(Object.values(results));
  gpu.free(Object.values(results));
  program.free();
  return Object.fromEntries(Object.keys(results).map((name, i) => [name, found[i] as FloatTensor]));
}

function shapesOf(specs: readonly ParamSpec[]): Record<string, Shape> {
  return Object.fromEntries(specs.map(({ name, shape }) => [name, engineShape(shape)]));
}

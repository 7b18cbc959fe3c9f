import { assert, assertEquals, assertThrows } from "@std/assert";
import { attention } from "../../kernels/attention.ts";
import { attentionGradKeyValue } from "../../kernels/attention_grad_key_value.ts";
import { attentionGradQuery } from "../../kernels/attention_grad_query.ts";
import type { Kernel } from "../../kernels/kernel.ts";
import { conv2dGradWeight } from "../../kernels/conv2d_grad_weight.ts";
import { matmul } from "../../kernels/matmul.ts";
import { normStats, normStatsMerge } from "../../kernels/norm_stats.ts";
import { conv2d } from "../../kernels/conv2d.ts";
import { conv2dGradInput } from "../../kernels/conv2d_grad_input.ts";
import { reduce } from "../../kernels/reduce.ts";
import { resampleBytes } from "../../kernels/resample_bytes.ts";
import { MOST_ROUNDS } from "../../kernels/rounds.ts";
import { defaultParts } from "../../kernels/tiles.ts";
import { contiguousStrides, tensor } from "../../lib/core/tensor.ts";
import { checkLimits } from "../../lib/engine/limits.ts";
import { attention as attend, input, normStats as normStatsOf, sum } from "../../lib/engine/mod.ts";
import { plan } from "../../lib/engine/plan.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { opCases, traced } from "./op_cases.ts";

const targets = [{ software: true }, { software: false }];
const tile = { rows: 4, columns: 4, lanesX: 1, lanesY: 8 };
const sequence = { batch: 1, heads: 1, queries: 40, keys: 40, width: 8, causal: false };
const samples = { batch: 1, positions: 900, channels: 8, groups: 2, eps: 1e-5 };

/** Kernels whose loops are longer than those of small operands, or nested otherwise. */
const others: readonly Kernel[] = targets.flatMap((target) => [
  ...[false, true].flatMap((causal) => [
    attention({ ...sequence, causal }, target),
    attentionGradQuery({ ...sequence, causal }, target),
    attentionGradKeyValue({ ...sequence, causal }, target),
  ]),
  normStats(samples, target),
  normStatsMerge(samples),
]).concat([1, 3].flatMap((parts) => {
  const form = { transposeA: true, transposeB: false, tile, parts, epilogue: null };
  const shape = { batch: 2, height: 9, width: 9, inChannels: 4, outHeight: 5, outWidth: 5, outChannels: 4 };
  const taps = { taps: [3, 3], stride: 2, before: [1, 1] } as const;
  const products = [
    matmul({ rows: 4, columns: 4, depth: 50, ...form }),
    conv2dGradWeight({ shape: { ...shape, ...taps }, tile, parts, epilogue: null }),
  ];
  return products.flatMap(({ product, sum }) => sum === null ? [product] : [product, sum]);
}));

Deno.test("kernels say how many rounds their loops go", async () => {
  const { device } = await openGpu(navigator.gpu); // With more bindings than a device has by default.
  const kernels = new Map(others.map((kernel) => [kernel.code, kernel]));
  for (const opCase of opCases) {
    const { dispatches } = plan(traced(opCase, 2).graph, targets[0]!);
    for (const { kernel } of dispatches) kernels.set(kernel.code, kernel);
  }
  const withLoops = [...kernels.values()].filter(({ code, rounds }) => rounds > 0 || code.includes("for ("));
  assert(withLoops.length > 50, `${withLoops.length} kernels`);
  for (const kernel of withLoops) {
    assertEquals(await countRounds(device, kernel), kernel.rounds, `${kernel.name}\n${kernel.code}`);
  }
  device.destroy();
});

/** The longest loops of Stable Diffusion v1.4 at 1024 x 1024, batch 8, of its judges' towers, and what is longer still. */
const longest: Readonly<Record<string, readonly Kernel[]>> = Object.fromEntries(targets.flatMap((target) => {
  const heads = (heads: number, queries: number, keys: number, width: number) => {
    const spec = { batch: 8, heads, queries, keys, width, causal: false };
    return [attention(spec, target), attentionGradQuery(spec, target), attentionGradKeyValue(spec, target)];
  };
  const norm = (side: number, channels: number, groups = 32) =>
    normStats({ batch: 8, positions: side ** 2, channels, groups, eps: 1e-6 }, target);
  const gradWeight = (side: number, channels: number) => {
    const shape = { batch: 8, height: side, width: side, outHeight: side, outWidth: side, stride: 1 };
    const channelsAndTaps = { inChannels: channels, outChannels: channels, taps: [3, 3] } as const;
    const before = [1, 1] as const;
    const problem = { rows: 9 * channels, columns: channels, depth: 8 * side ** 2 };
    const parts = defaultParts(problem, target);
    return conv2dGradWeight({
      shape: { ...shape, ...channelsAndTaps, before },
      tile,
      parts,
      epilogue: null,
    });
  };
  const total = (...shape: number[]) =>
    reduce({
      expression: { shape, operands: [{ offset: 0, strides: contiguousStrides(shape) }], code: [] },
      how: "sum",
      axes: shape.map((_, axis) => axis),
    }).kernels;
  const conv = {
    shape: {
      ...{
        batch: 8,
        height: 32,
        width: 32,
        inChannels: 2560,
        outHeight: 32,
        outWidth: 32,
        outChannels: 1280,
      },
      ...{ taps: [3, 3] as const, stride: 1, before: [1, 1] as const },
    },
    tile,
    epilogue: null,
  };
  const rows: Record<string, readonly Kernel[]> = {
    "UNet, self-attention": heads(8, 128 ** 2, 128 ** 2, 40),
    "UNet, prompts": heads(8, 128 ** 2, 77, 40),
    "autoencoder, attention": heads(1, 128 ** 2, 128 ** 2, 512),
    "CLIP-H and BLIP": [...heads(16, 257, 257, 80), ...heads(16, 197, 197, 64)],
    "UNet, norms": [norm(128, 320), norm(128, 960), norm(32, 2560)],
    "autoencoder, norms": [norm(1024, 128), norm(1024, 256), norm(512, 512), norm(4096, 128)],
    "layer norms": [norm(1, 1280, 1), norm(1, 1024, 1)],
    "UNet, widest convolution": [conv2d(conv).product, conv2dGradInput(conv).product],
    "weights' gradients": [128, 512, 1024].flatMap((side) => {
      const { product, sum } = gradWeight(side, side > 512 ? 128 : 320);
      return sum === null ? [product] : [product, sum];
    }),
    "sums": [
      ...total(8, 1024, 1024, 3),
      ...total(797184),
      ...total(12754944),
      ...total(1000003),
      ...total(2, 99991),
    ],
    "bicubic, 1024 to 224": [
      resampleBytes({ outer: 8192, extent: 1024, inner: 3, count: 224, taps: 21 }),
    ],
  };
  return Object.entries(rows).map(([name, kernels]) => [
    `${name}, ${target.software ? "software" : "GPU"}`,
    kernels,
  ]);
}));

Deno.test("no loop of the models' largest shapes is longer than software adapters let it be", () => {
  for (const [name, kernels] of Object.entries(longest)) {
    for (const kernel of kernels) {
      assert(kernel.rounds <= MOST_ROUNDS, `${name}: ${kernel.name} takes ${kernel.rounds} rounds`);
    }
  }
});

Deno.test("sums and statistics that cannot be cut are whole on a software adapter", async () => {
  const gpu = await openGpu(navigator.gpu);
  const runtime = gpuRuntime(gpu);
  const x = input("x", [100_003]), y = input("y", [1, 3_000_000, 4]);
  const { mean } = normStatsOf(y, { groups: 1, eps: 1e-5 });
  const graph = { inputs: { x, y }, outputs: { sum: sum(x), mean } };
  const program = await runtime.compile(graph);
  // 1 but for the last element, which a loop that ends early does not reach.
  const last = (length: number) => new Float32Array(length).fill(1).with(-1, 1000);
  const results = program.run({ x: tensor(x.shape, last(100_003)), y: tensor(y.shape, last(12_000_000)) });
  const [total, average] = await runtime.get([results.sum!, results.mean!]);
  assertEquals(total!.data[0], 101_002);
  assert(Math.abs(average!.data[0]! - 1 - 999 / 12e6) < 1e-6, `${average!.data[0]}`);
});

Deno.test("a kernel whose loops are too long is refused on a software adapter, and only there", () => {
  const q = input("q", [1, 8, 4]), k = input("k", [1, 2 ** 20, 4]);
  const planned = plan({ inputs: { q, k }, outputs: { out: attend(q, k, k, { heads: 1 }) } }, {
    software: true,
  });
  const limits = { maxBufferSize: Infinity, maxStorageBufferBindingSize: Infinity };
  checkLimits(planned, limits);
  const purpose = { stage: "a test", remedy: "lower it" };
  assertThrows(
    () => checkLimits(planned, limits, purpose, true),
    RangeError,
    "software adapters end them after 65535: lower it",
  );
});

/** Runs a kernel on zeros, and counts the rounds of its loops as it goes, the end of a loop as one more. */
async function countRounds(device: GPUDevice, kernel: Kernel): Promise<number> {
  const code = `@group(0) @binding(${kernel.bindings.length}) var<storage, read_write> most: atomic<u32>;
var<private> gone: u32;
${
    kernel.code.replace(/for \([^{]*\{/g, (loop) => `gone++;\n${loop}\ngone++;\natomicMax(&most, gone);`)
      .replace("@compute", "\n@compute")
  }`;
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
  const buffers = [...kernel.bindings, "read_write"].map(() =>
    device.createBuffer({ size: BYTES, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC })
  );
  const bindGroup = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const counted = device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...kernel.workgroups);
  pass.end();
  encoder.copyBufferToBuffer(buffers.at(-1)!, 0, counted, 0, 4);
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  assert(error === null, `${kernel.name}: ${error?.message}\n${code}`);
  await counted.mapAsync(GPUMapMode.READ);
  const [rounds] = new Uint32Array(counted.getMappedRange());
  for (const buffer of [...buffers, counted]) buffer.destroy();
  return rounds!;
}

/** More than any of these kernels reads. */
const BYTES = 2 ** 20;

import { assert, assertEquals } from "@std/assert";
import { fold, key, normals } from "../../lib/core/random.ts";
import { type FloatTensor, type Shape, size, tensor } from "../../lib/core/tensor.ts";
import { evaluate, type Graph, interpreter, type Runtime, trace, type Value } from "../../lib/engine/mod.ts";
import { plan } from "../../lib/engine/plan.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { declareAutoencoder, decode, encode, parseAutoencoderConfig } from "../../lib/models/mod.ts";
import {
  bandRows,
  bindParams,
  blockRows,
  cutBands,
  engineShape,
  groupNorm,
  joinBands,
} from "../../lib/nn/mod.ts";
import { assertClose } from "../assert_close.ts";

const config = parseAutoencoderConfig({
  block_out_channels: [4, 4, 4, 4],
  down_block_types: Array(4).fill("DownEncoderBlock2D"),
  up_block_types: Array(4).fill("UpDecoderBlock2D"),
  latent_channels: 2,
  norm_num_groups: 2,
});
const weights: Record<string, Shape> = Object.fromEntries(
  declareAutoencoder(config).map(({ name, shape }) => [name, engineShape(shape)]),
);

Deno.test("rows of bands are a multiple of the blocks of norms, and as many as fit", () => {
  assertEquals([blockRows(64, 64), blockRows(512, 512), blockRows(96, 640)], [64, 32, 24]);
  const shape = [1, 512, 512, 256];
  assertEquals(bandRows(shape, Infinity), 512);
  assertEquals(
    bandRows(shape, 2 ** 27),
    224,
    "256 rows are as many bytes, but not with one above and one below",
  );
  assertEquals(bandRows([8, ...shape.slice(1)], 2 ** 27), 32);
  assertEquals(bandRows(shape, 1), 32, "never less than a block");
});

Deno.test("bands of any height are those of any other, cut and joined", () => {
  const x = random("x", [2, 12, 3, 2]);
  const graph = trace(({ x }) => ({
    y: joinBands(cutBands(cutBands(cutBands([x], 5), 3), 8)),
    z: cutBands(cutBands([x], 3), 6)[1]!,
  }), { x });
  const { y, z } = evaluate(graph, { x });
  assertEquals(y, x);
  assertEquals(z!.shape, [2, 6, 3, 2]);
  assertEquals(z!.data[0], x.data[6 * 3 * 2]);
});

Deno.test("a norm of blocks is that of the whole", () => {
  const shape: Shape = [2, 8, 16384, 4];
  const x = random("x", shape);
  const affine = { weight: random("w", [4]), bias: random("b", [4]) };
  const graph = trace(
    ({ x, ...affine }) => ({ y: groupNorm(bindParams(affine), x!, { groups: 2, eps: 1e-6 }) }),
    { x: tensor(shape, x.data.map((v, i) => 3 + v * (1 + Math.floor(i / 65536) % 8))), ...affine },
  );
  const inputs = {
    ...affine,
    x: tensor(shape, x.data.map((v, i) => 3 + v * (1 + Math.floor(i / 65536) % 8))),
  };
  const found = evaluate(graph, inputs).y!.data as Float32Array;
  // The statistics in double precision, of one image and group.
  const [image, group, each] = [1, 1, 8 * 16384];
  const values = Array.from(
    { length: 2 * each },
    (_, i) => inputs.x.data[(image * each + (i >> 1)) * 4 + 2 * group + (i & 1)]!,
  );
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
  for (const i of [0, 12345, 2 * each - 1]) {
    const channel = 2 * group + (i & 1);
    const expected = (values[i]! - mean) / Math.sqrt(variance + 1e-6) * affine.weight.data[channel]! +
      affine.bias.data[channel]!;
    const y = found[(image * each + (i >> 1)) * 4 + channel]!;
    assert(Math.abs(y - expected) < 1e-5, `element ${i}: ${y} for ${expected}`);
  }
});

for (const [where, open] of Object.entries(runtimes())) {
  Deno.test(`the autoencoder computes the same bits in bands as in one piece, on the ${where}`, async () => {
    const runtime = await open();
    // So wide that the finest level has four blocks of 16 rows, and so as many bands; two latents are decoded one by one.
    const shapes = { latents: [2, 8, 128, 2], images: [1, 64, 1024, 3] };
    const inputs = randomInputs({ ...shapes, ...weights });
    const run = async (bandBytes: number) => {
      const graph = coder(shapes, bandBytes);
      const program = await runtime.compile(graph);
      const results = await runtime.get(Object.values(program.run(inputs)));
      return { results, dispatches: plan(graph, { software: true }).dispatches.length };
    };
    const whole = await run(Infinity);
    const bands = await run(1);
    assert(bands.dispatches > whole.dispatches, `${bands.dispatches} kernels for ${whole.dispatches}`);
    bands.results.forEach(({ data }, i) => assertClose(data, whole.results[i]!.data, 0, `result ${i}`));
  });
}

function coder(shapes: Readonly<Record<string, Shape>>, bandBytes: number): Graph {
  return trace((inputs: Readonly<Record<string, Value>>) => {
    const scope = bindParams(inputs);
    const { mean, logvar } = encode(scope, config, inputs.images!, { bandBytes });
    return { mean, logvar, image: decode(scope, config, inputs.latents!, { bandBytes }) };
  }, randomInputs({ ...shapes, ...weights }));
}

function runtimes(): Record<string, () => Promise<Runtime>> {
  return {
    interpreter: () => Promise.resolve(interpreter()),
    GPU: async () => gpuRuntime(await openGpu(navigator.gpu)),
  };
}

function randomInputs(shapes: Readonly<Record<string, Shape>>): Record<string, FloatTensor> {
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, random(name, shape)]));
}

function random(name: string, shape: Shape): FloatTensor {
  return tensor(shape, normals(fold(key(8), name), size(shape)).map((x) => 0.5 * x));
}

import { assert, assertEquals } from "@std/assert";
import { fold, key, normals } from "../../lib/core/random.ts";
import { size, tensor } from "../../lib/core/tensor.ts";
import { grad, input, mul, sum } from "../../lib/engine/mod.ts";
import { convTower, declareConvTower, parseConvTowerConfig } from "../../lib/models/mod.ts";
import { toEngine } from "../../lib/nn/layout.ts";
import { bindParams, initParams } from "../../lib/nn/scope.ts";
import { assertClose, run, runtimes } from "./golden.ts";

Deno.test("the tower of convolutions is the same on GPU and interpreter, and every weight matters", async () => {
  const config = parseConvTowerConfig({
    image_size: 8,
    block_out_channels: [8, 8, 16],
    res_blocks: [0, 1, 0],
    norm_num_groups: 4,
    projection_dim: 8,
  });
  const params = initParams(declareConvTower(config), key(1));
  const shape = [2, 8, 8, 3];
  const data = {
    ...Object.fromEntries(Object.entries(params).map(([name, value]) => [name, toEngine(value)])),
    images: tensor(shape, normals(fold(key(1), "images"), size(shape))),
  };
  const values = Object.fromEntries(
    Object.entries(data).map(([name, { shape }]) => [name, input(name, shape)]),
  );
  const embeds = convTower(bindParams(values), config, values.images!);
  const names = Object.keys(params);
  const gradients = grad(sum(mul(embeds, embeds)), names.map((name) => values[name]!));
  const outputs = Object.fromEntries([["embeds", embeds], ...names.map((name, i) => [name, gradients[i]!])]);
  const [cpu, gpu] = await Promise.all(
    runtimes.map(({ runtime }) => run(runtime, { inputs: values, outputs }, data)),
  );
  assertEquals(cpu!.embeds!.shape, [2, 8]);
  for (const name of Object.keys(outputs)) {
    const largest = cpu![name]!.data.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
    assert(largest > 0, `the gradient of ${name} is 0`);
    assertClose(gpu![name]!, cpu![name]!, 1e-4 * largest + 1e-6, name);
  }
});

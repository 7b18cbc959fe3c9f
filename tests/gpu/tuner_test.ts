import { assert, assertEquals } from "@std/assert";
import type { Tile } from "../../kernels/kernel.ts";
import { grad } from "../../lib/engine/autodiff.ts";
import { trace } from "../../lib/engine/graph.ts";
import { conv2d } from "../../lib/engine/ops/conv2d.ts";
import { silu } from "../../lib/engine/ops/elementwise.ts";
import { matmul } from "../../lib/engine/ops/matmul.ts";
import { sum } from "../../lib/engine/ops/reductions.ts";
import { reshape } from "../../lib/engine/ops/views.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import type { TileStore } from "../../lib/gpu/tuner.ts";
import { normalTensor } from "../engine/op_checks.ts";

const SEED = 5;
const gpu = await openGpu(navigator.gpu);

/** Convolution, activation, product, and the gradients of all. */
const inputs = {
  x: normalTensor(SEED, "x", [2, 6, 6, 8]),
  k: normalTensor(SEED, "k", [3, 3, 8, 12]),
  w: normalTensor(SEED, "w", [20, 12]),
};
const graph = trace(({ x, k, w }) => {
  const hidden = silu(conv2d(x!, k!, { padding: [1, 1, 1, 1] }));
  const y = silu(matmul(reshape(hidden, [-1, 12]), w!, { transposeB: true }));
  const [dx, dk, dw] = grad(sum(y), [x!, k!, w!]);
  return { y, dx: dx!, dk: dk!, dw: dw! };
}, inputs);

/** A store in memory that counts. */
function memory(entries: Iterable<readonly [string, Tile]> = []) {
  const tiles = new Map(entries);
  const written: string[] = [];
  const store: TileStore = {
    get: (kernel) => tiles.get(kernel),
    set: (kernel, tile) => {
      written.push(kernel);
      tiles.set(kernel, tile);
    },
  };
  return { store, tiles, written };
}

/** Registers a test that needs an adapter that can time. */
function tunerTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !gpu.canTime, fn });
}

async function bitsOf(tiles?: TileStore): Promise<Record<string, number[]>> {
  const runtime = gpuRuntime(gpu, { tiles });
  const program = await runtime.compile(graph);
  const results = program.run(inputs);
  const tensors = await runtime.get(Object.values(results));
  return Object.fromEntries(Object.keys(results).map((name, i) => [name, Array.from(tensors[i]!.data)]));
}

tunerTest("tuner: whatever tiles win, the bits are the same", async () => {
  const plain = await bitsOf();
  const { store, tiles, written } = memory();
  assertEquals(await bitsOf(store), plain);
  assert(tiles.size >= 6, `expected an entry for every product: ${[...tiles.keys()].join("; ")}`);
  assertEquals(new Set(written).size, written.length, "a kernel was timed twice");
});

tunerTest("tuner: what was timed is not timed again", async () => {
  const first = memory();
  await bitsOf(first.store);
  const second = memory(first.tiles);
  await bitsOf(second.store);
  assertEquals(second.written, []);
});

tunerTest("tuner: a stored tile that is no candidate is replaced", async () => {
  const first = memory();
  const plain = await bitsOf(first.store);
  const odd: Tile = { rows: 3, columns: 5, lanesX: 7, lanesY: 1 };
  const second = memory([...first.tiles.keys()].map((kernel) => [kernel, odd]));
  assertEquals(await bitsOf(second.store), plain);
  assertEquals(new Set(second.written), new Set(first.tiles.keys()));
});

tunerTest("tuner: graphs compiled at once share what is timed", async () => {
  const { store, written } = memory();
  const runtime = gpuRuntime(gpu, { tiles: store });
  await Promise.all([runtime.compile(graph), runtime.compile(graph)]);
  assertEquals(new Set(written).size, written.length);
});

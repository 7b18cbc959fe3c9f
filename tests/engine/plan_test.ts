import { assert, assertEquals, assertThrows } from "@std/assert";
import { size } from "../../lib/core/tensor.ts";
import {
  adamw,
  add,
  conv2d,
  exp,
  grad,
  type Graph,
  input,
  matmul,
  mul,
  pack,
  relu,
  reshape,
  silu,
  slice,
  square,
  sum,
  trace,
  type Value,
} from "../../lib/engine/mod.ts";
import { lowerSteps } from "../../lib/engine/calls.ts";
import { fuse } from "../../lib/engine/fuse.ts";
import { type Block, homesOf } from "../../lib/engine/homes.ts";
import { checkLimits } from "../../lib/engine/limits.ts";
import { type Memory, type Place, plan, planBytes, showPlan } from "../../lib/engine/plan.ts";
import { schedule } from "../../lib/engine/schedule.ts";
import { simplify } from "../../lib/engine/simplify.ts";
import { showSteps } from "../../lib/engine/steps.ts";
import { randomGraph } from "./random_graphs.ts";

const target = { software: true };

/** A graph of float inputs of these shapes. */
function graphOf<I extends string>(
  shapes: Readonly<Record<I, readonly number[]>>,
  fn: (inputs: Readonly<Record<I, Value>>) => Readonly<Record<string, Value>>,
): Graph {
  const types = Object.entries<readonly number[]>(shapes).map((
    [name, shape],
  ) => [name, { shape, dtype: "f32" }]);
  return trace(fn, Object.fromEntries(types));
}

/** A stack of layers, its loss, and the gradients of all weights in one vector. */
function training(
  layers: number,
  step?: (gradient: Value, inputs: Record<string, Value>) => Record<string, Value>,
) {
  const names = Array.from({ length: layers }, (_, i) => `w${i}`);
  const shapes = { x: [32, 64], ...Object.fromEntries(names.map((name) => [name, [64, 64]])) };
  return graphOf(shapes as Record<string, number[]>, (inputs) => {
    const y = names.reduce((h, name) => silu(matmul(h, inputs[name]!)), inputs.x!);
    const loss = sum(square(y));
    const gradients = grad(loss, names.map((name) => inputs[name]!)).map((g) => reshape(g, [4096]));
    const flat = pack(gradients, names.map((_, i) => 4096 * i), 4096 * layers);
    return step ? step(flat, inputs) : { loss, flat };
  });
}

/** The updates of an optimizer step. */
function stepOf(grad: Value, { param, m, v, scale, hyper }: Record<string, Value>) {
  return adamw(
    { param: param!, m: m!, v: v!, grad, scale: scale!, hyper: hyper! },
    { beta1: 0.9, beta2: 0.99, eps: 1e-8 },
  );
}

const optimizer = { param: [64], m: [64], v: [64], x: [64], scale: [], hyper: [4] };

Deno.test("a plan shows its kernels and the memory of each", () => {
  const graph = graphOf({ x: [4, 8], w: [8, 8], b: [8], v: [8, 12] }, ({ x, w, b, v }) => {
    const h = relu(add(matmul(x, w), b));
    return { h, y: matmul(exp(h), v), rows: sum(h, [1]) };
  });
  assertEquals(
    showPlan(plan(graph, target)),
    `matmul_nn 4x8x8: x w b #1
elementwise exp [4, 8]: #1 #2
matmul_nn 4x12x8: #2 v #0
sum [4, 8] over 1: #1 #2
slots: 256 256 256 bytes`,
  );
});

Deno.test("what is packed is computed where it belongs, also in a pack of packs", () => {
  assertEquals(
    showPlan(plan(
      graphOf({ x: [4, 8], ct: [4, 12], w: [5] }, ({ x, ct, w }) => ({
        flat: pack([reshape(matmul(x, ct, { transposeA: true }), [96]), sum(ct, [0]), w], [0, 128, 192], 256),
      })),
      target,
    )),
    `matmul_tn 8x12x4: x ct #0
sum [4, 12] over 0: ct #0+512
place_vector 1x5/64: w #0
slots: 1024 bytes`,
  );
  const nested = graphOf({ x: [40], y: [5], z: [9] }, ({ x, y, z }) => ({
    flat: pack([exp(z), pack([exp(x), y], [0, 64], 128)], [0, 64], 192),
  }));
  assertEquals(
    showPlan(plan(nested, target)),
    `elementwise exp [9]: z #0
elementwise exp [40]: x #0+256
place_vector 1x5/64: y #0+256
slots: 768 bytes`,
  );
  assertEquals(plan(nested, target).zeroed, [0]);
});

Deno.test("updates in place come after everything that reads the old values", () => {
  const graph = graphOf(optimizer, (inputs) => {
    const { param, x } = inputs;
    const loss = sum(square(mul(param, x)));
    const next = stepOf(grad(loss, [param])[0]!, inputs);
    return { ...next, half: mul(next.param, 0.5), loss };
  });
  assertEquals(
    showPlan(plan(graph, target)),
    `elementwise mul+mul+add+mul [64]: param x #0
sum [64] over 0: param x #1
adamw 64: param m v #0 scale hyper
elementwise mul [64]: param #0
slots: 256 256 bytes`,
  );
  const { outputs } = plan(graph, target);
  assertEquals(Object.entries(outputs).map(([name, { updates }]) => [name, updates]), [
    ["param", "param"],
    ["m", "m"],
    ["v", "v"],
    ["half", null],
    ["loss", null],
  ]);
});

Deno.test("a part of a vector is updated where it lies", () => {
  const shapes = { ...optimizer, param: [192] };
  const graph = graphOf(shapes, (inputs) => ({
    part: stepOf(inputs.x, { ...inputs, param: slice(inputs.param, 0, 64, 128) }).param,
  }));
  const { dispatches, outputs } = plan(graph, target);
  const place = { memory: { kind: "input", name: "param" }, offset: 256, bytes: 256 };
  assertEquals(dispatches[0]!.places[0], place as Place);
  assertEquals(outputs.part, { ...place, updates: null } as typeof outputs.part);
});

Deno.test("a gemm does not wait with its input for what is updated in place", () => {
  const shapes = { ...optimizer, param: [64], y: [8, 8] };
  const graph = graphOf(shapes, (inputs) => {
    const before = matmul(reshape(inputs.param, [8, 8]), inputs.y);
    const next = stepOf(inputs.x, inputs);
    return { ...next, both: add(before, reshape(next.param, [8, 8])) };
  });
  assertEquals(
    showPlan(plan(graph, target)).split("\n").slice(0, 3),
    [
      "matmul_nn 8x8x8: param y #0",
      "adamw 64: param m v x scale hyper",
      "elementwise add [8, 8]: #0 param #1",
    ],
  );
});

Deno.test("plans in which an old value is read after its update are refused by name", () => {
  const refused: Readonly<Record<string, (inputs: Record<string, Value>) => Record<string, Value>>> = {
    "as a result": (inputs) => ({ ...stepOf(inputs.x!, inputs), old: inputs.param! }),
    "by another update": (inputs) => ({
      ...stepOf(inputs.x!, inputs),
      again: stepOf(exp(inputs.x!), inputs).param,
    }),
    "with the new one": (inputs) => ({ sum: add(stepOf(inputs.x!, inputs).param, inputs.param!) }),
    "as its own gradient": (inputs) => ({ ...stepOf(inputs.param!, inputs) }),
  };
  for (const [how, fn] of Object.entries(refused)) {
    assertThrows(() => plan(graphOf(optimizer, fn), target), TypeError, "param is read after", how);
  }
});

Deno.test("gradients of weights are computed beside those of their layers, so memory is that of the activations", () => {
  const graph = training(6);
  const names = plan(graph, target).dispatches.map(({ kernel }) => kernel.name.split(" ")[0]);
  assertEquals(names.filter((name) => name === "matmul_tn" || name === "matmul_nt"), [
    ...Array(5).fill(["matmul_nt", "matmul_tn"]).flat(),
    "matmul_tn",
  ]);
  // The products and activations of six layers, one value more, and the packed gradients.
  const bytes = planBytes(plan(graph, target));
  assert(
    bytes <= 4 * (13 * 32 * 64 + 6 * 4096),
    `${bytes} bytes
${showPlan(plan(graph, target))}`,
  );
});

Deno.test("random graphs: what is alive is never overwritten, and no buffer is read and written at once", () => {
  const trained = training(3, (flat) => ({ flat, norm: sum(square(flat)) }));
  const graphs = [
    { graph: trained, what: "three layers" },
    ...Array.from({ length: 40 }, (_, i) => randomGraph(i + 1, 3 + i % 8)),
  ];
  for (const { graph, what } of graphs) checkMemory(graph, what);
});

Deno.test("memory grows with the batch alone where weights are inputs", () => {
  const bytes = (batch: number) =>
    planBytes(plan(
      graphOf({ x: [batch, 8, 8, 16], w: [3, 3, 16, 16] }, ({ x, w }) => {
        const layer = (h: Value) => silu(conv2d(h, w, { padding: [1, 1, 1, 1] }));
        return { y: layer(layer(layer(layer(x)))) };
      }),
      target,
    ));
  assertEquals(bytes(4), 2 * bytes(2));
  assertEquals(bytes(2), 2 * 2 * 8 * 8 * 16 * 4); // Two slots, taking turns.
});

Deno.test("a plan beyond the adapter's limits is refused with sizes and the settings to lower", () => {
  const small = plan(graphOf({ x: [1000], w: [10] }, ({ x, w }) => ({ y: exp(x), z: exp(w) })), target);
  checkLimits(small, { maxBufferSize: 4096, maxStorageBufferBindingSize: 4000 });
  assertThrows(
    () => checkLimits(small, { maxBufferSize: 4096, maxStorageBufferBindingSize: 2048 }),
    RangeError,
    "Cannot bind 4000 bytes to elementwise exp [1000] in a program as the adapter allows 2048, of 4352 bytes in all: " +
      "lower sample.batch_size or train.batch_size",
  );
  assertThrows(
    () => checkLimits(small, { maxBufferSize: 4000, maxStorageBufferBindingSize: 4000 }),
    RangeError,
    "buffer of 4096 bytes",
  );
});

Deno.test("a plan reads no input that is not the graph's", () => {
  const foreign = input("foreign", [3]);
  assertThrows(
    () => plan(graphOf({ x: [3] }, ({ x }) => ({ y: add(x, foreign) })), target),
    TypeError,
    "foreign",
  );
});

/**
 * Runs a plan on memory that knows whose bytes it holds: a kernel must find the blocks it was planned to read, no buffer may be
 * bound twice in a dispatch if one of them is written, and results must be there at the end.
 */
function checkMemory(graph: Graph, what: string): void {
  const { dispatches, slots, zeroed, outputs } = plan(graph, target);
  const fused = fuse(simplify(graph));
  const homes = homesOf(fused);
  const scheduled = schedule(fused, homes);
  const calls = lowerSteps(scheduled.steps, homes, target, new Map());
  assertEquals(calls.map(({ kernel }) => kernel.name), dispatches.map(({ kernel }) => kernel.name), what);
  const keyOf = (memory: Memory) => memory.kind === "slot" ? `#${memory.index}` : memory.name;
  const held = new Map<string, { readonly start: number; readonly end: number; readonly root: Block }[]>();
  const rootOf = (block: Block) => homes.of(block).block;
  const owners = new Map<string, Block>();
  const write = ({ memory, offset, bytes }: Place, block: Block) => {
    if (memory.kind === "slot" && zeroed.includes(memory.index)) {
      const owner = owners.get(keyOf(memory)) ?? rootOf(block);
      assert(owner === rootOf(block), `${what}: the gaps of ${keyOf(memory)} are written by others`);
      owners.set(keyOf(memory), owner);
    }
    const [start, end] = [offset, offset + bytes];
    const others = (held.get(keyOf(memory)) ?? []).filter((part) => part.end <= start || part.start >= end);
    held.set(keyOf(memory), [...others, { start, end, root: rootOf(block) }]);
  };
  const read = ({ memory, offset, bytes }: Place, block: Block, who: string) => {
    const parts = (held.get(keyOf(memory)) ?? []).filter((part) =>
      part.start < offset + bytes && part.end > offset
    );
    const isOwn = parts.length > 0 && parts.every(({ root }) => root === rootOf(block));
    assert(
      isOwn,
      `${what}: ${who} finds other values in ${keyOf(memory)} at ${offset}\n${showSteps(scheduled)}`,
    );
  };
  for (const [name, value] of Object.entries(graph.inputs)) {
    write({ memory: { kind: "input", name }, offset: 0, bytes: Math.max(4, 4 * size(value.shape)) }, value);
  }
  dispatches.forEach(({ kernel, places }, i) => {
    const { blocks } = calls[i]!;
    places.forEach((place, n) => {
      const { memory, offset, bytes } = place;
      if (memory.kind === "slot") {
        assert(offset + bytes <= slots[memory.index]!, `${what}: ${kernel.name} leaves its slot`);
      }
      assertEquals(offset % 256, 0, `${what}: ${kernel.name}`);
      if (kernel.bindings[n] === "read") read(place, blocks[n]!.block, kernel.name);
    });
    const keys = places.map(({ memory }) => keyOf(memory));
    keys.forEach((key, n) => {
      if (kernel.bindings[n] !== "read_write") return;
      assertEquals(keys.indexOf(key), n, `${what}: ${kernel.name} binds ${key} twice`);
      assertEquals(keys.lastIndexOf(key), n, `${what}: ${kernel.name} binds ${key} twice`);
      write(places[n]!, blocks[n]!.block);
    });
  });
  for (const [name, place] of Object.entries(outputs)) read(place, scheduled.outputs[name]!.value, name);
}

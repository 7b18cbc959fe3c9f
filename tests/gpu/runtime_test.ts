import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { type FloatTensor, scalar, type Tensor, tensor, words } from "../../lib/core/tensor.ts";
import {
  adamw,
  add,
  apply,
  type DeviceArray,
  evaluate,
  gather,
  type Graph,
  interpreter,
  mul,
  type OpDef,
  pack,
  type Program,
  reshape,
  type Runtime,
  slice,
  sum,
  trace,
} from "../../lib/engine/mod.ts";
import { vector } from "../../lib/engine/ops/vector.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import type { GpuArray } from "../../lib/gpu/arrays.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";

const gpu = await openGpu(navigator.gpu);
const runtimes: Readonly<Record<string, Runtime>> = { GPU: gpuRuntime(gpu), interpreter: interpreter() };
const x = tensor([2, 3], [1, 2, 3, 4, 5, 6]);
const twice = trace(({ x, y }) => ({ sum: add(mul(x, 2), y) }), { x, y: scalar(0) });

for (const [name, runtime] of Object.entries(runtimes)) {
  Deno.test(`${name}: inputs are tensors of the host or arrays, and may change between runs`, async () => {
    const program = await runtime.compile(twice);
    const array = runtime.put(x);
    const results = [
      program.run({ x, y: scalar(1) }),
      program.run({ x: array, y: scalar(2) }),
      program.run({ x: tensor([2, 3], x.data.map((v) => -v)), y: runtime.put(scalar(3)) }),
    ].map(({ sum }) => sum!);
    const found = await runtime.get(results);
    assertEquals(found.map(({ data }) => [...data as Float32Array]), [
      [3, 5, 7, 9, 11, 13],
      [4, 6, 8, 10, 12, 14],
      [1, -1, -3, -5, -7, -9],
    ]);
    runtime.free([array, ...results]);
    program.free();
  });

  Deno.test(`${name}: inputs that are missing, unknown or of another type are named`, async () => {
    const program = await runtime.compile(twice);
    const run = (inputs: Readonly<Record<string, Tensor>>) => () => program.run(inputs);
    for (const _ of ["first", "again"]) {
      assertThrows(run({ x }), TypeError, "input y is missing");
      assertThrows(run({ x, y: scalar(1), z: x }), TypeError, "no input z");
      assertThrows(run({ x: tensor([3, 2], x.data), y: scalar(1) }), TypeError, "f32[3, 2]");
      assertThrows(run({ x, y: words([], [1]) }), TypeError, "u32[]");
      runtime.free(Object.values(program.run({ x, y: scalar(1) })));
    }
    program.free();
  });

  Deno.test(`${name}: weights are given once, and must be the graph's`, async () => {
    const weight = runtime.put(x);
    const program = await runtime.compile(twice, { weights: { x: weight } });
    const results = [1, 2].map((y) => program.run({ y: scalar(y) }).sum!);
    const found = await runtime.get(results);
    assertEquals(found.map(({ data }) => data[0]), [3, 4]);
    assertThrows(() => program.run({}), TypeError, "input y is missing");
    assertThrows(() => program.run({ x, y: scalar(1) }), TypeError, "no input x");
    const compile = (weights: Readonly<Record<string, DeviceArray>>) => async () =>
      await runtime.compile(twice, { weights });
    await assertRejects(compile({ z: weight }), TypeError, "no input z");
    await assertRejects(compile({ y: weight }), TypeError, "f32[2, 3] where f32[] is needed");
    program.free();
    runtime.free([weight, ...results]);
  });

  Deno.test(`${name}: words pass through views with all their bits`, async () => {
    const ids = words([3, 2], [7, 0x7fc00001, 1, 0xffffffff, 2, 0]);
    const table = tensor([4, 1], [10, 20, 30, 40]);
    const graph = trace(({ ids, table }) => {
      const second = slice(ids, 1, 0, 1);
      return {
        rows: gather(table, slice(second, 0, 1, 3)),
        ids: slice(ids, 0, 0, 2),
        all: reshape(ids, [6]),
      };
    }, { ids, table });
    const program = await runtime.compile(graph);
    const { rows, ids: some, all } = program.run({ ids, table });
    const found = await runtime.get([rows!, some!, all!]);
    assertEquals([...found[0]!.data as Float32Array], [20, 30]);
    assertEquals(found[1], words([2, 2], [7, 0x7fc00001, 1, 0xffffffff]));
    assertEquals(found[2], words([6], ids.data));
    runtime.free([rows!, some!, all!]);
    program.free();
  });
}

Deno.test("GPU: freed arrays are taken again, and what was freed is used no more", async () => {
  const runtime = gpuRuntime(gpu);
  const first = runtime.put(x) as GpuArray;
  runtime.free([first]);
  const second = runtime.put(scalar(4)) as GpuArray;
  assertStrictEquals(second.buffer, first.buffer);
  assertEquals(runtime.peakBytes(), 256);
  const program = await runtime.compile(twice);
  assertThrows(() => runtime.free([first]), TypeError, "freed before: f32[2, 3]");
  assertThrows(() => program.run({ x: first, y: second }), TypeError, "freed before");
  await assertRejects(() => runtime.get([first]), TypeError, "freed before");
  const foreign = interpreter().put(x);
  assertThrows(() => program.run({ x: foreign, y: second }), TypeError, "another runtime");
  const third = runtime.put(x);
  runtime.free(Object.values(program.run({ x: third, y: second })));
  runtime.free([third]);
  assertThrows(() => program.run({ x: third, y: second }), TypeError, "freed before");
});

Deno.test("GPU: after a run that was refused a program computes with what it is given", async () => {
  const runtime = gpuRuntime(gpu);
  const program = await runtime.compile(trace(
    // What reads no input is bound once.
    ({ x, y }) => ({ sum: add(mul(x, 2), y), seven: add(vector([3, 5]), vector([4, 2])) }),
    { x, y: scalar(0) },
  ));
  const [a, b, y] = [runtime.put(x), runtime.put(tensor([2, 3], Array(6).fill(9))), runtime.put(scalar(1))];
  const freed = runtime.put(scalar(5));
  runtime.free([freed]);
  const sumOf = async (inputs: Parameters<typeof program.run>[0]) => {
    const [sum, seven] = await runtime.get(Object.values(program.run(inputs)));
    assertEquals([...seven!.data as Float32Array], [7, 7]);
    return [...sum!.data as Float32Array];
  };
  assertThrows(() => program.run({ x: a } as never), TypeError);
  const first = await sumOf({ x: a, y });
  assertThrows(() => program.run({ x: b, y: freed }), TypeError, "freed before");
  assertEquals(await sumOf({ x: b, y }), Array(6).fill(19));
  assertEquals(await sumOf({ x: a, y }), first);
});

Deno.test("GPU: a program gives its memory back, once", async () => {
  const runtime = gpuRuntime(gpu);
  const once = async () => {
    const program = await runtime.compile(twice);
    runtime.free(Object.values(program.run({ x, y: scalar(1) })));
    program.free();
    program.free();
    assertThrows(() => program.run({ x, y: scalar(1) }), TypeError, "it was freed");
  };
  await once();
  const peak = runtime.peakBytes();
  await once();
  assertEquals(runtime.peakBytes(), peak);
});

Deno.test("GPU: programs that take turns share their slots, and compute what they do alone", async () => {
  // Rows of 5 leave gaps between what is packed, which must stay zero.
  const chain = (rows: number) =>
    trace(({ x }) => {
      const room = 64 * Math.ceil(rows / 64);
      const parts = [1, 2, 3].map((by) => sum(mul(x, by), [1]));
      const packed = pack(parts, [0, room, 2 * room], 4 * room);
      return { y: sum(mul(packed, 2)) };
    }, { x: { shape: [rows, 64], dtype: "f32" } });
  const inputs = [5, 700].map((rows) =>
    tensor([rows, 64], Float32Array.from({ length: 64 * rows }, (_, i) => i % 5))
  );
  const graphs = [5, 700].map(chain);
  const expected = graphs.map((graph, i) => evaluate(graph, { x: inputs[i]! }).y!.data);
  const runtime = gpuRuntime(gpu);
  const programs: Program[] = [];
  for (const [i, graph] of graphs.entries()) {
    programs.push(await runtime.compile(graph));
    for (const turn of [0, i, 0]) {
      const { y } = programs[turn]!.run({ x: inputs[turn]! });
      const [found] = await runtime.get([y!]);
      assertEquals(found!.data, expected[turn]!, `${turn} beside ${i}`);
      runtime.free([y!]);
    }
  }
  const both = runtime.peakBytes();
  programs.forEach((program) => program.free());
  const alone = gpuRuntime(gpu);
  (await alone.compile(graphs[1]!)).run({ x: inputs[1]! });
  assert(both < alone.peakBytes() + 8000, `${both} bytes where one program takes ${alone.peakBytes()}`);
});

Deno.test("GPU: what is updated in place comes back as the same array, everything else as a new one", async () => {
  const runtime = gpuRuntime(gpu);
  const program = await runtime.compile(step());
  const hosts = stepInputs();
  const arrays = Object.fromEntries(Object.entries(hosts).map(([name, value]) => [name, runtime.put(value)]));
  const results = program.run(arrays);
  assertStrictEquals(results.param, arrays.param);
  assertStrictEquals(results.m, arrays.m);
  for (const name of ["flat", "grad", "start", "again"]) {
    assert(!Object.values(arrays).includes(results[name]!), `${name} is an input`);
  }
  const fromHost = program.run(hosts);
  const expected = await interpreter().get(Object.values((await interpreter().compile(step())).run(hosts)));
  for (const run of [results, fromHost]) {
    const found = await runtime.get(Object.values(run));
    Object.keys(run).forEach((name, i) => {
      assertEquals(found[i]!.shape, expected[i]!.shape, name);
      found[i]!.data.forEach((value: number, n: number) =>
        assert(Math.abs(value - expected[i]!.data[n]!) < 1e-6, `${name} ${n}: ${value}`)
      );
    });
  }
  assert(fromHost.param !== arrays.param);
});

Deno.test("GPU: what the adapter cannot bind is refused with the sizes and the settings to lower", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const runtime = gpuRuntime({ ...gpu, device });
  const large = trace(({ x }) => ({ y: mul(x, 2) }), { x: { shape: [40_000_000], dtype: "f32" } });
  const error = await assertRejects(() => runtime.compile(large), RangeError);
  for (const part of ["160000000", `${128 << 20}`, "mul [40000000]", "lower sample.batch_size"]) {
    assert(error.message.includes(part), `${part}: ${error.message}`);
  }
  assertEquals(runtime.peakBytes(), 0);
  device.destroy();
});

Deno.test("GPU: a shader that does not compile is shown, and spoils nothing else", async () => {
  const runtime = gpuRuntime(gpu);
  const broken = trace(({ x }) => ({ y: apply(foreignOp("fn main( {", 1), [x], {}) }), { x });
  const error = await assertRejects(() => runtime.compile(broken), Error);
  for (const part of ["Cannot build foreign", "expected identifier", "fn main( {"]) {
    assert(error.message.includes(part), `${part}: ${error.message}`);
  }
  const many = Array.from({ length: 3 }, () => runtime.compile(broken).catch(() => "refused"));
  assertEquals(await Promise.all(many), ["refused", "refused", "refused"]);
  const program = await runtime.compile(twice);
  const [sum] = await runtime.get([program.run({ x, y: scalar(0) }).sum!]);
  assertEquals([...sum!.data as Float32Array], [2, 4, 6, 8, 10, 12]);
});

Deno.test("GPU: work that the device refuses is an error where results are read", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const runtime = gpuRuntime({ ...gpu, device });
  const code = "@group(0) @binding(0) var<storage, read> x: array<f32>;\n" +
    "@group(0) @binding(1) var<storage, read_write> y: array<f32>;\n" +
    "@compute @workgroup_size(1) fn main() { y[0] = x[0]; }";
  const program = await runtime.compile(
    trace(({ x }) => ({ y: apply(foreignOp(code, 70_000), [x], {}) }), { x }),
  );
  const { y } = program.run({ x });
  await assertRejects(() => runtime.get([y!]), Error, "refused work");
  device.destroy();
});

Deno.test("GPU: a device that is gone is an error where results are read", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const runtime = gpuRuntime({ ...gpu, device });
  const array = runtime.put(x);
  device.destroy();
  await assertRejects(() => runtime.get([array]), Error, "Cannot read results");
});

/** An optimizer step with results of every kind. */
function step(): Graph {
  return trace(({ param, m, v, grad, scale, hyper }) => {
    const next = adamw(
      { param: param!, m: m!, v: v!, grad: grad!, scale: scale!, hyper: hyper! },
      { beta1: 0.9, beta2: 0.999, eps: 1e-8 },
    );
    return {
      param: next.param,
      m: next.m,
      flat: reshape(next.v, [2, 64]),
      grad: grad!,
      start: slice(grad!, 0, 0, 64),
      again: add(next.param, next.m),
    };
  }, stepInputs());
}

function stepInputs(): Record<string, FloatTensor> {
  const vector = (from: number) =>
    tensor([128], Float32Array.from({ length: 128 }, (_, i) => Math.abs(from + i / 128)));
  return {
    param: vector(-1),
    m: vector(0),
    v: vector(1),
    grad: vector(2),
    scale: scalar(0.5),
    hyper: tensor([4], [0.01, 0.1, 0.1, 0.001]),
  };
}

/** An op with a kernel of that text. */
function foreignOp(code: string, workgroups: number): OpDef {
  const kernel = {
    name: "foreign",
    code,
    bindings: ["read", "read_write"],
    flops: 0,
    bytes: 0,
    rounds: 0,
  } as const;
  return {
    name: "foreign",
    infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
    reference: (inputs) => inputs,
    vjp: () => [null],
    lowering: {
      kind: "kernel",
      takesEpilogue: false,
      lower: () => [{
        kernel: { ...kernel, workgroups: [workgroups, 1, 1] },
        operands: [{ kind: "input", index: 0 }, { kind: "output", index: 0 }],
      }],
    },
  };
}

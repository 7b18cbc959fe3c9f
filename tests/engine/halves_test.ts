import { assertEquals, assertThrows } from "@std/assert";
import { floatsToHalfs, halfsToFloats } from "../../lib/core/half.ts";
import { fold, integers, key, normals } from "../../lib/core/random.ts";
import { halves, type Shape, size, type Tensor, tensor, words } from "../../lib/core/tensor.ts";
import { grad } from "../../lib/engine/autodiff.ts";
import { input, trace, type Value } from "../../lib/engine/graph.ts";
import { interpreter } from "../../lib/engine/interpreter.ts";
import { add, conv2d, gather, matmul, reshape, sum } from "../../lib/engine/mod.ts";
import { conv2dGradInput } from "../../lib/engine/ops/conv2d.ts";
import type { Runtime } from "../../lib/engine/runtime.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";

interface Case {
  readonly name: string;
  /** Of the operand that is read beside the factor; words below 6 where it is empty. */
  readonly x: Tensor;
  readonly factor: Shape;
  readonly fn: (x: Value, factor: Value) => Value;
}

const floats = (...shape: number[]) => tensor(shape, normals(fold(key(1), shape.join()), size(shape)));
const ids = words([5], integers(key(3), 5, 6));
const padding = [1, 1, 1, 1] as const;

const cases: readonly Case[] = [
  { name: "matmul", x: floats(7, 10), factor: [10, 12], fn: (x, w) => matmul(x, w) },
  {
    name: "matmul of a transposed factor",
    x: floats(33, 20),
    factor: [9, 20],
    fn: (x, w) => matmul(x, w, { transposeB: true }),
  },
  { name: "conv2d", x: floats(2, 5, 6, 3), factor: [3, 3, 3, 8], fn: (x, w) => conv2d(x, w, { padding }) },
  {
    name: "conv2d of one tap",
    x: floats(2, 5, 6, 8),
    factor: [1, 1, 8, 4],
    fn: (x, w) => conv2d(x, w),
  },
  {
    name: "conv2d_grad_input",
    x: floats(2, 3, 3, 8),
    factor: [3, 3, 5, 8],
    fn: (x, w) => conv2dGradInput(x, w, { stride: 2, padding, shape: [2, 6, 5, 5] }),
  },
  { name: "gather", x: ids, factor: [6, 8], fn: (x, w) => gather(w, x) },
];

const gpu = gpuRuntime(await openGpu(navigator.gpu));

Deno.test("halves: a factor of halves gives the bits of the same factor as floats", async () => {
  for (const { name, x, factor, fn } of cases) {
    const bits = floatsToHalfs(normals(fold(key(2), name), size(factor)));
    const narrow = halves(factor, bits);
    const wide = tensor(factor, halfsToFloats(bits));
    for (const [where, runtime] of Object.entries({ interpreter: interpreter(), gpu })) {
      assertEquals(await run(runtime, fn, x, narrow), await run(runtime, fn, x, wide), `${name} on ${where}`);
    }
  }
});

Deno.test("halves: go to the GPU and back as they are", async () => {
  const narrow = halves([2, 4], floatsToHalfs(normals(key(5), 8)));
  const array = gpu.put(narrow);
  assertEquals(await gpu.get([array]), [narrow]);
  gpu.free([array]);
});

Deno.test("halves: who cannot read them says so", () => {
  const w = input("w", [3, 8], "f16");
  const x = input("x", [8, 3]);
  assertThrows(() => add(w, w), TypeError, "Cannot apply add");
  assertThrows(() => reshape(w, [24]), TypeError, "Cannot apply reshape as halves are read as they lie");
  assertThrows(() => matmul(w, x), TypeError, "the second perhaps halves");
  assertThrows(() => matmul(x, input("w", [3, 6], "f16")), TypeError, "in rows of a multiple of 4");
  assertThrows(
    () => grad(sum(matmul(x, w)), [w]),
    TypeError,
    "Cannot differentiate by a value as only f32 has gradients: f16[3, 8]",
  );
});

async function run(runtime: Runtime, fn: Case["fn"], x: Tensor, factor: Tensor): Promise<Tensor[]> {
  const program = await runtime.compile(trace(({ x, factor }) => ({ out: fn(x, factor) }), { x, factor }));
  const { out } = program.run({ x, factor });
  const results = await runtime.get([out!]);
  runtime.free([out!]);
  program.free();
  return results;
}

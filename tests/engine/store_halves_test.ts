import { assert, assertEquals } from "@std/assert";
import { floatsToHalfs, halfsToFloats } from "../../lib/core/half.ts";
import { fold, integers, key, normals } from "../../lib/core/random.ts";
import { type FloatTensor, type Shape, size, type Tensor, tensor, words } from "../../lib/core/tensor.ts";
import { grad } from "../../lib/engine/autodiff.ts";
import { type Graph, trace, type Value } from "../../lib/engine/graph.ts";
import { interpreter } from "../../lib/engine/interpreter.ts";
import * as e from "../../lib/engine/mod.ts";
import { conv2dGradWeight } from "../../lib/engine/ops/conv2d.ts";
import { fuse } from "../../lib/engine/fuse.ts";
import { outputsOf } from "../../lib/engine/steps.ts";
import { simplify } from "../../lib/engine/simplify.ts";
import type { Runtime } from "../../lib/engine/runtime.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { assertClose } from "../assert_close.ts";

interface Case {
  readonly name: string;
  /** Shapes of what is rounded, and may be stored as halves. */
  readonly kept: readonly Shape[];
  /** What reads it; the other operands are `w`, of this shape, and `ids`, three words below 6. */
  readonly w?: Shape;
  /** Values that `fn` makes and that are halves, too; default none. */
  readonly own?: number;
  readonly fn: (kept: readonly Value[], w: Value, ids: Value) => Value;
}

const padding = [1, 1, 1, 1] as const;
const strided = { stride: 2, padding, shape: [3, 3, 8, 5] };

const cases: readonly Case[] = [
  { name: "rows of a product", kept: [[9, 12]], w: [12, 7], fn: ([x], w) => e.matmul(x!, w) },
  {
    name: "rows of a transposed product",
    kept: [[10, 12]],
    w: [10, 6],
    fn: ([x], w) => e.matmul(x!, w, { transposeA: true }),
  },
  {
    name: "columns of a product",
    kept: [[9, 12]],
    w: [5, 12],
    fn: ([x], w) => e.matmul(w, x!, { transposeB: true }),
  },
  { name: "images", kept: [[2, 5, 6, 8]], w: [3, 3, 8, 5], fn: ([x], w) => e.conv2d(x!, w, { padding }) },
  { name: "images of one tap", kept: [[2, 5, 6, 8]], w: [1, 1, 8, 5], fn: ([x], w) => e.conv2d(x!, w) },
  {
    name: "images of a gradient to weights",
    kept: [[2, 6, 6, 8]],
    w: [2, 3, 3, 5],
    fn: ([x], w) => conv2dGradWeight(x!, w, strided),
  },
  {
    name: "attention and its gradients",
    kept: [[2, 5, 8], [2, 6, 8], [2, 6, 8]],
    w: [2, 5, 8],
    fn: ([q, k, v], w) => {
      const out = e.attention(q!, k!, v!, { heads: 2 });
      const gradients = grad(e.sum(e.mul(out, w)), [q!, k!, v!]);
      return e.concat([out, ...gradients], 1);
    },
  },
  ...[1, 4, 8].map((groups): Case => ({
    name: `a norm of ${groups} groups`,
    kept: [[2, 6, 8]],
    fn: ([x]) => {
      const { mean, rstd } = e.normStats(x!, { groups, eps: 1e-5 });
      return e.add(mean, rstd);
    },
  })),
  { name: "rows of a table", kept: [[6, 8]], fn: ([x], _, ids) => e.gather(x!, ids) },
  {
    name: "halves side by side",
    own: 1,
    kept: [[3, 8], [3, 4]],
    w: [3, 12],
    fn: (xs, w) => e.mul(e.concat(xs, 1), w),
  },
  { name: "halves beside floats", kept: [[3, 8]], w: [3, 4], fn: ([x], w) => e.concat([x!, w], 1) },
  {
    name: "one beneath the other, multiplied",
    own: 1,
    kept: [[2, 8], [3, 8]],
    w: [8, 3],
    fn: (xs, w) => e.matmul(e.concat(xs, 0), w),
  },
  { name: "a chain", kept: [[3, 8]], w: [3, 8], fn: ([x], w) => e.mul(e.exp(x!), w) },
  {
    name: "a transposed operand",
    kept: [[8, 4]],
    w: [4, 8],
    fn: ([x], w) => e.add(e.permute(x!, [1, 0]), w),
  },
  { name: "a repeated operand", kept: [[4, 4]], w: [4, 4, 8], fn: ([x], w) => e.add(e.expand(x!, 2), w) },
  { name: "a sum of rows", kept: [[8, 12]], w: [8, 12], fn: ([x], w) => e.sum(e.mul(x!, w), [0]) },
  { name: "a sum of columns", kept: [[5, 8]], fn: ([x]) => e.sum(x!, [1]) },
  {
    name: "operands as a product is stored",
    kept: [[8, 8], [8, 8], [8]],
    w: [8, 8],
    fn: ([x, y, z], w) => {
      const onRows = e.add(e.matmul(w, w), e.reshape(z!, [8, 1]));
      return e.mul(e.add(onRows, x!), e.permute(y!, [1, 0]));
    },
  },
  {
    name: "what a product stores",
    own: 1,
    kept: [[9, 8]],
    w: [8, 12],
    fn: ([x], w) => {
      const y = e.half(e.add(e.matmul(x!, w), 1));
      return e.matmul(y, w, { transposeB: true });
    },
  },
];

const gpu = gpuRuntime(await openGpu(navigator.gpu));

Deno.test("what is rounded lies in memory as halves, and everyone reads the bits of what lies there as floats", async () => {
  for (const [i, { name, kept, w = [1], own = 0, fn }] of cases.entries()) {
    const draw = (shape: Shape, tag: string) =>
      tensor(shape, normals(fold(fold(key(1), i), tag), size(shape)));
    const given: Readonly<Record<string, Tensor>> = {
      ...Object.fromEntries(kept.map((shape, n) => [`x${n}`, draw(shape, `x${n}`)])),
      w: draw(w, "w"),
      ids: words([3], integers(fold(key(2), i), 3, 6)),
    };
    // A sum is a second reader: a value of one alone would become a part of its kernel.
    const build = (isResult: boolean) =>
      trace((inputs) => {
        const rounded = kept.map((_, n) => e.half(e.mul(inputs[`x${n}`]!, 3)));
        const named = rounded.map((value, n) => [`kept${n}`, isResult ? value : e.sum(value)]);
        return { out: fn(rounded, inputs.w!, inputs.ids!), ...Object.fromEntries(named) };
      }, given);
    const [narrow, wide] = [build(false), build(true)];
    assertEquals(halvesIn(narrow), kept.length + own, name);
    assert(halvesIn(wide) <= own, name);
    const out = await run(gpu, narrow, given);
    assertEquals(out, await run(gpu, wide, given), name);
    assertClose(out.data, (await run(interpreter(), narrow, given)).data, 2e-5, name);
  }
});

Deno.test("values round as halves do, ties to even, and beyond 65504 are infinite", async () => {
  const ulp = 2 ** -10;
  const x = tensor([8], [1 + ulp / 2, 1 + 1.5 * ulp, -1 - 0.51 * ulp, 65519, 1e6, -1e6, 0.1, 1e-5]);
  const graph = trace(({ x }) => ({ out: e.half(x!) }), { x });
  for (const runtime of [interpreter(), gpu]) {
    assertEquals([...(await run(runtime, graph, { x })).data], [...halfsToFloats(floatsToHalfs(x.data))]);
  }
});

Deno.test("a result, a row that is no multiple of 4, and what a kernel reads as floats are no halves", () => {
  const x = tensor([4, 8], new Float32Array(32));
  const count = (fn: (x: Value) => Value) => halvesIn(trace(({ x }) => ({ out: fn(x!) }), { x }));
  assertEquals(count((x) => e.half(x)), 0);
  const twice = (x: Value) => e.mul(x, e.sum(x));
  assertEquals(count((x) => twice(e.half(x))), 1);
  assertEquals(count((x) => twice(e.half(e.slice(x, 1, 0, 6)))), 0);
  assertEquals(count((x) => e.pad(e.half(x), 1, 0, 4)), 0);
  // A product may read from a multiple of 128 halves on, which is one of 256 bytes.
  const from = (row: number) => (x: Value) => {
    const rows = e.half(e.concat([x, x, x, x, x, x], 0));
    return e.matmul(e.slice(rows, 0, row, row + 8), e.slice(rows, 0, 0, 8));
  };
  assertEquals([count(from(16)), count(from(8))], [1, 0]);
});

/** The values of a graph that are stored as halves. */
function halvesIn(graph: Graph): number {
  return fuse(simplify(graph)).steps.flatMap(outputsOf).filter(({ dtype }) => dtype === "f16").length;
}

async function run(
  runtime: Runtime,
  graph: Graph,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<FloatTensor> {
  const program = await runtime.compile(graph);
  const results = program.run(inputs);
  const [out] = await runtime.get([results.out!]);
  runtime.free(Object.values(results));
  program.free();
  return out as FloatTensor;
}

import { assertEquals, assertThrows } from "@std/assert";
import type { Epilogue, Layout } from "../../kernels/expression.ts";
import { erf } from "../../kernels/functions.ts";
import type { Target, Tile } from "../../kernels/kernel.ts";
import { fold, key, normals } from "../../lib/core/random.ts";
import {
  contiguousStrides,
  type FloatTensor,
  type Shape,
  showShape,
  size,
  tensor,
} from "../../lib/core/tensor.ts";
import type { Attrs, OpDef } from "../../lib/engine/graph.ts";
import { conv2dGradInputOp, conv2dGradWeightOp, conv2dOp } from "../../lib/engine/ops/conv2d.ts";
import { matmulOp } from "../../lib/engine/ops/matmul.ts";
import { assertClose } from "../assert_close.ts";
import { type Harness, openHarness, runKernelCalls, runOp } from "../gpu_harness.ts";

interface Case {
  readonly op: OpDef;
  readonly shapes: readonly [Shape, Shape];
  readonly attrs: Attrs;
}

const tiles: readonly Tile[] = [
  { rows: 4, columns: 4, lanesX: 1, lanesY: 8 },
  { rows: 8, columns: 4, lanesX: 8, lanesY: 1 },
  { rows: 4, columns: 8, lanesX: 2, lanesY: 4 },
  { rows: 8, columns: 8, lanesX: 4, lanesY: 2 },
  { rows: 8, columns: 4, lanesX: 8, lanesY: 8 },
];

function matmulCase(M: number, N: number, K: number, transposeA = false, transposeB = false): Case {
  const a = transposeA ? [K, M] : [M, K];
  const b = transposeB ? [N, K] : [K, N];
  return { op: matmulOp as unknown as OpDef, shapes: [a, b], attrs: { transposeA, transposeB } };
}

/** A convolution and its two gradients. */
function conv2dCases(x: Shape, w: Shape, stride = 1, padding = [0, 0, 0, 0]): Case[] {
  const types = [x, w].map((shape) => ({ shape, dtype: "f32" as const }));
  const y = (conv2dOp as unknown as OpDef).infer(types, { stride, padding })[0]!.shape;
  return [
    { op: conv2dOp as unknown as OpDef, shapes: [x, w], attrs: { stride, padding } },
    { op: conv2dGradInputOp as unknown as OpDef, shapes: [y, w], attrs: { stride, padding, shape: x } },
    { op: conv2dGradWeightOp as unknown as OpDef, shapes: [x, y], attrs: { stride, padding, shape: w } },
  ];
}

const cases: readonly Case[] = [
  ...[[false, false], [false, true], [true, false], [true, true]].flatMap(([ta, tb]) => [
    matmulCase(40, 24, 32, ta, tb),
    matmulCase(3, 5, 77, ta, tb),
    matmulCase(77, 4, 8, ta, tb),
  ]),
  matmulCase(32, 16, 4098, true),
  ...conv2dCases([2, 8, 8, 8], [3, 3, 8, 12], 1, [1, 1, 1, 1]),
  ...conv2dCases([3, 8, 8, 4], [3, 3, 4, 8], 2, [0, 1, 0, 1]),
  ...conv2dCases([2, 7, 5, 8], [3, 3, 8, 4], 2, [1, 1, 1, 1]),
  ...conv2dCases([1, 9, 9, 4], [2, 3, 4, 3], 3, [1, 0, 2, 1]),
  ...conv2dCases([2, 16, 16, 3], [8, 8, 3, 12], 8),
  ...conv2dCases([3, 2, 2, 16], [3, 3, 16, 20], 1, [1, 1, 1, 1]),
  ...conv2dCases([40, 8, 8, 4], [3, 3, 4, 4], 1, [1, 1, 1, 1]),
];

const harness: Harness = await openHarness();

Deno.test("gemm: kernels compute what the references do", async () => {
  for (const [number, gemm] of cases.entries()) await compare(gemm, number);
});

Deno.test("gemm: kernels for hardware compute what the references do", async () => {
  const hardware: Harness = { ...harness, target: { software: false } };
  const some = [
    matmulCase(32, 16, 4098, true),
    ...conv2dCases([3, 8, 8, 4], [3, 3, 4, 8], 2, [0, 1, 0, 1]),
  ];
  for (const [number, gemm] of some.entries()) await compare(gemm, number, hardware);
});

Deno.test("gemm: every tile gives the same bits", async () => {
  for (
    const gemm of [
      matmulCase(77, 4, 8, true, true),
      matmulCase(12, 36, 2, false, true),
      ...conv2dCases([2, 5, 7, 3], [3, 3, 3, 5], 2, [1, 1, 1, 1]),
    ]
  ) {
    const [a, b] = operandsOf(gemm, 7);
    const results = await Promise.all(tiles.map((tile) => run(gemm, [a!, b!], { tile })));
    for (const [i, result] of results.entries()) {
      assertEquals(result.data, results[0]!.data, `${show(gemm)} tile ${i}`);
    }
  }
});

Deno.test("gemm: a sample has the same bits in any batch", async () => {
  const samples = (tensor: FloatTensor, from: number, to: number) => {
    const each = size(tensor.shape) / tensor.shape[0]!;
    return {
      ...tensor,
      shape: [to - from, ...tensor.shape.slice(1)],
      data: tensor.data.slice(from * each, to * each),
    };
  };
  const batched = [
    matmulCase(600, 32, 96),
    matmulCase(600, 32, 96, false, true),
    ...conv2dCases([50, 4, 4, 32], [3, 3, 32, 32], 1, [1, 1, 1, 1]).slice(0, 2),
    ...conv2dCases([50, 8, 8, 4], [3, 3, 4, 8], 2, [0, 1, 0, 1]).slice(0, 2),
  ];
  for (const gemm of batched) {
    const [a, b] = operandsOf(gemm, 11);
    const whole = await run(gemm, [a!, b!]);
    for (const [from, to] of [[0, 1], [7, 8], [17, 42]] as const) {
      const shape = gemm.attrs.shape as Shape | undefined;
      const attrs = shape ? { ...gemm.attrs, shape: [to - from, ...shape.slice(1)] } : gemm.attrs;
      const part = await run({ ...gemm, attrs }, [samples(a!, from, to) as FloatTensor, b!]);
      assertEquals(part.data, samples(whole, from, to).data, `${show(gemm)} samples ${from} to ${to}`);
    }
  }
});

Deno.test("gemm: an epilogue reads its operands where the result is stored", async () => {
  const some = [
    matmulCase(40, 24, 32),
    matmulCase(21, 7, 6, false, true),
    matmulCase(16, 24, 3000, true),
    ...conv2dCases([3, 6, 6, 8], [3, 3, 8, 12], 1, [1, 1, 1, 1]),
    ...conv2dCases([2, 7, 5, 4], [3, 3, 4, 6], 2, [0, 1, 0, 1]),
    ...conv2dCases([2, 4, 4, 8], [1, 1, 8, 8]),
  ];
  for (const gemm of some) {
    const seed = 5;
    const operands = operandsOf(gemm, seed);
    const [plain] = gemm.op.reference(operands, gemm.attrs) as FloatTensor[];
    const shape = plain!.shape;
    const strides = contiguousStrides(shape);
    const last = shape.length - 1;
    /** Bias, one value a row group, residual, its mirror image through a gap, and a number. */
    const layouts: Layout[] = [
      { offset: 0, strides: strides.map((_, axis) => axis === last ? 1 : 0) },
      { offset: 0, strides: strides.map((_, axis) => axis === 0 ? 1 : 0) },
      { offset: 4, strides },
      { offset: 0, strides: strides.map((stride) => 2 * stride) },
    ];
    const epilogue: Epilogue = {
      expression: {
        shape,
        operands: [{ offset: 0, strides }, ...layouts],
        code: [
          { fn: "add", args: [0, 1] },
          { fn: "erf", args: [5] },
          { fn: "mul", args: [6, 2] },
          { fn: "constant", value: 0.5 },
          { fn: "sub", args: [7, 8] },
          { fn: "add", args: [9, 3] },
          { fn: "add", args: [10, 4] },
        ],
      },
    };
    const buffers = layouts.map(({ offset, strides }, i) => {
      const length = offset + 1 +
        shape.reduce((most, extent, axis) => most + (extent - 1) * strides[axis]!, 0);
      return random([length], seed, `epilogue ${i}`);
    });
    const position = (layout: Layout, flat: number) =>
      shape.reduce(
        (at, extent, axis) => at + Math.floor(flat / strides[axis]!) % extent * layout.strides[axis]!,
        layout.offset,
      );
    const expected = Float32Array.from(plain!.data, (value, i) => {
      const [bias, scale, residual, gap] = layouts.map((layout, n) => buffers[n]!.data[position(layout, i)]!);
      return erf(value + bias!) * scale! - 0.5 + residual! + gap!;
    });
    const [found] = await runOp(harness, gemm.op, operands, gemm.attrs, epilogue, buffers);
    assertClose(found!.data, expected, 1e-5, `${show(gemm)} with epilogue, seed ${seed}`);
  }
});

Deno.test("gemm: operands that do not fit are named with their shapes", () => {
  assertThrows(
    () => matmulOp.infer(types([2, 3], [4, 5]), { transposeA: false, transposeB: false }),
    TypeError,
    "f32[4, 5]",
  );
  const attrs = { stride: 1, padding: [0, 0, 0, 0] as const };
  assertThrows(() => conv2dOp.infer(types([1, 8, 8, 4], [3, 3, 3, 4]), attrs), TypeError, "f32[3, 3, 3, 4]");
  assertThrows(() => conv2dOp.infer(types([1, 2, 2, 4], [3, 3, 4, 4]), attrs), TypeError, "larger than");
  assertThrows(
    () => conv2dOp.infer(types([1, 4, 4, 4], [3, 3, 4, 4]), { ...attrs, stride: 0 }),
    RangeError,
    "stride 0",
  );
});

function types(...shapes: readonly Shape[]) {
  return shapes.map((shape) => ({ shape, dtype: "f32" as const }));
}

async function compare(gemm: Case, seed: number, on: Harness = harness): Promise<void> {
  const operands = operandsOf(gemm, seed);
  const [expected] = gemm.op.reference(operands, gemm.attrs) as FloatTensor[];
  const found = await run(gemm, operands, { target: on.target });
  assertClose(found.data, expected!.data, 1e-5, `${show(gemm)}, seed ${seed}`);
}

async function run(
  gemm: Case,
  operands: readonly FloatTensor[],
  choice: { readonly tile?: Tile; readonly target?: Target } = {},
): Promise<FloatTensor> {
  const { op, attrs } = gemm;
  if (op.lowering.kind !== "kernel") throw new TypeError(`${op.name} has no kernel`);
  const outputs = op.infer(operands, attrs);
  const context = { inputs: operands, outputs, attrs, target: harness.target, epilogue: null, ...choice };
  const [result] = await runKernelCalls(harness, op.lowering.lower(context), operands, outputs);
  return result as FloatTensor;
}

function operandsOf({ shapes }: Case, seed: number): FloatTensor[] {
  return shapes.map((shape, i) => random(shape, seed, `operand ${i}`));
}

function random(shape: Shape, seed: number, use: string) {
  return tensor(shape, normals(fold(key(seed), use), size(shape)));
}

function show({ op, shapes, attrs }: Case): string {
  return `${op.name} ${shapes.map(showShape).join(" ")} ${JSON.stringify(attrs)}`;
}

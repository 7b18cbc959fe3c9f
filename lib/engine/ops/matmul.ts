/**
 * The matrix product.
 * @module
 */

import { type Tensor, tensor, type TensorType } from "../../core/tensor.ts";
import { matmul as matmulKernels } from "../../../kernels/matmul.ts";
import { candidateTiles, defaultParts, defaultTile, type Problem } from "../../../kernels/tiles.ts";
import type { LoweringContext } from "../lowering.ts";
import { apply, type OpDef, shapeError, type Value } from "../graph.ts";
import { HALVES, isFactor, isInFours } from "./factor.ts";
import { gemmCalls, readsPerRow } from "./gemm_calls.ts";

/** Which operands of a matrix product are stored transposed. */
export interface MatmulAttrs extends Record<string, unknown> {
  /** Whether `a` is `[K, M]`. */
  readonly transposeA: boolean;
  /** Whether `b` is `[N, K]`. */
  readonly transposeB: boolean;
}

/**
 * The matrix product `out[m, n] = Σ_k a[m, k] b[k, n]`.
 *
 * @param a `[M, K]`, or `[K, M]` with `transposeA`.
 * @param b `[K, N]`, or `[N, K]` with `transposeB`; halves where the last extent is a multiple of 4.
 * @returns `[M, N]`.
 * @throws {TypeError} If the operands are not matrices or their `K` differ.
 */
export function matmul(a: Value, b: Value, options: Partial<MatmulAttrs> = {}): Value {
  const { transposeA = false, transposeB = false } = options;
  return apply(matmulOp, [a, b], { transposeA, transposeB });
}

/** The op behind {@linkcode matmul}. */
export const matmulOp: OpDef<MatmulAttrs> = {
  name: "matmul",
  infer: (inputs, attrs) => {
    const [a, b] = inputs as readonly [TensorType, TensorType];
    if (inputs.some(({ shape }) => shape.length !== 2) || a.dtype !== "f32" || !isFactor(b)) {
      throw shapeError(
        "matmul",
        `its operands are not matrices of floats, the second perhaps ${HALVES}`,
        inputs,
      );
    }
    if (a.shape[attrs.transposeA ? 0 : 1] !== b.shape[attrs.transposeB ? 1 : 0]) {
      throw shapeError("matmul", `the summed extents differ (${show(attrs)})`, inputs);
    }
    const { rows, columns } = problemOf(inputs, attrs);
    return [{ shape: [rows, columns], dtype: "f32" }];
  },
  reference: (inputs, attrs) => {
    const [a, b] = inputs as readonly [Tensor, Tensor];
    const { rows, columns, depth } = problemOf(inputs, attrs);
    const [aRow, aStep] = attrs.transposeA ? [1, rows] : [depth, 1];
    const [bStep, bColumn] = attrs.transposeB ? [1, depth] : [columns, 1];
    const out = new Float32Array(rows * columns);
    for (let m = 0; m < rows; m++) {
      for (let n = 0; n < columns; n++) {
        let sum = 0;
        for (let k = 0; k < depth; k++) {
          sum += a.data[m * aRow + k * aStep]! * b.data[k * bStep + n * bColumn]!;
        }
        out[m * columns + n] = sum;
      }
    }
    return [tensor([rows, columns], out)];
  },
  vjp: ([ct], inputs, _, { transposeA, transposeB }, wanted) => {
    const [a, b] = inputs as readonly [Value, Value];
    if (!ct) return [null, null];
    const toA = () =>
      transposeA
        ? matmul(b, ct, { transposeA: transposeB, transposeB: true })
        : matmul(ct, b, { transposeB: !transposeB });
    const toB = () =>
      transposeB
        ? matmul(ct, a, { transposeA: true, transposeB: transposeA })
        : matmul(a, ct, { transposeA: !transposeA });
    return [wanted[0] ? toA() : null, wanted[1] ? toB() : null];
  },
  lowering: {
    kind: "kernel",
    takesEpilogue: true,
    readsHalves: isInFours,
    tiles: (context) => candidateTiles(cut(context), context.target),
    lower: (context) => {
      const problem = cut(context);
      const tile = context.tile ?? defaultTile(problem, context.target);
      return gemmCalls(
        matmulKernels({
          ...problem,
          ...context.attrs,
          halvesA: context.inputs[0]!.dtype === "f16",
          halves: context.inputs[1]!.dtype === "f16",
          tile,
          epilogue: context.epilogue,
        }),
        context,
      );
    },
  },
};

function problemOf(inputs: readonly TensorType[], { transposeA, transposeB }: MatmulAttrs): Problem {
  const [a, b] = inputs as readonly [TensorType, TensorType];
  return {
    rows: a.shape[transposeA ? 1 : 0]!,
    columns: b.shape[transposeB ? 0 : 1]!,
    depth: a.shape[transposeA ? 0 : 1]!,
  };
}

/** The problem with its sum cut, which is done only over the rows of a batch: a row's bits must not depend on it. */
function cut({ inputs, attrs, target, epilogue }: LoweringContext<MatmulAttrs>): Problem {
  const problem = { ...problemOf(inputs, attrs), reads: readsPerRow(epilogue) };
  return attrs.transposeA ? { ...problem, parts: defaultParts(problem, target) } : problem;
}

function show({ transposeA, transposeB }: MatmulAttrs): string {
  return `transposeA ${transposeA}, transposeB ${transposeB}`;
}

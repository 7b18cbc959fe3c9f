/**
 * Rows of a table by number, and the gradient that adds them back.
 * @module
 */

import { bytesOf, size, type Tensor, tensor } from "../../core/tensor.ts";
import { gather as gatherKernel } from "../../../kernels/gather.ts";
import { gatherGrad as gatherGradKernel } from "../../../kernels/gather_grad.ts";
import { apply, type Attrs, type OpDef, shapeError, type Value } from "../graph.ts";
import type { KernelCall } from "../lowering.ts";
import { HALVES, isFactor, isInFours } from "./factor.ts";

/**
 * The rows of a table that `ids` name: an embedding.
 *
 * The interpreter refuses ids beyond the table; the GPU, which cannot, reads the last row.
 *
 * @param table `[V, D]`; halves where `D` is a multiple of 4.
 * @param ids u32 `[...]`, in `[0, V)`.
 * @returns `[..., D]`.
 * @throws {TypeError} If the table is no matrix of floats, or the ids are no words.
 */
export function gather(table: Value, ids: Value): Value {
  return apply(gatherOp, [table, ids], {});
}

/**
 * Adds rows to where `ids` say, into a table of zeros: the gradient of {@linkcode gather}.
 *
 * @param ids u32 `[...]`, in `[0, rows)`.
 * @param ct `[..., D]`.
 * @param rows Rows of the table.
 * @returns `[rows, D]`.
 * @throws {TypeError} If there is not one row for each id.
 */
export function gatherGrad(ids: Value, ct: Value, rows: number): Value {
  return apply(gatherGradOp, [ids, ct], { rows });
}

/** The op behind {@linkcode gather}. */
export const gatherOp: OpDef<Attrs> = {
  name: "gather",
  infer: (inputs) => {
    const [table, ids] = inputs;
    if (!isFactor(table!) || table!.shape.length !== 2 || ids!.dtype !== "u32") {
      throw shapeError(
        "gather",
        `its operands are not floats [V, D], perhaps ${HALVES}, and u32 ids`,
        inputs,
      );
    }
    return [{ shape: [...ids!.shape, table!.shape[1]!], dtype: "f32" }];
  },
  reference: ([table, ids]) => {
    const [rows, width] = table!.shape as [number, number];
    const out = new Float32Array(ids!.data.length * width);
    eachRow(ids!, rows, "gather", (row, i) => {
      for (let c = 0; c < width; c++) out[i * width + c] = table!.data[row * width + c]!;
    });
    return [tensor([...ids!.shape, width], out)];
  },
  vjp: ([ct], [table, ids]) => [ct ? gatherGrad(ids!, ct, table!.shape[0]!) : null, null],
  lowering: {
    kind: "kernel",
    takesEpilogue: false,
    readsHalves: (index, inputs) => index === 0 && isInFours(index, inputs),
    lower: ({ inputs: [table, ids], target: { maxBindingBytes = Infinity } }) => {
      const [rows, width] = table!.shape as [number, number];
      const spec = { rows, width, count: size(ids!.shape), halves: table!.dtype === "f16" };
      const [of, to] = [{ kind: "input", index: 1 }, { kind: "output", index: 0 }] as const;
      if (bytesOf(table!) <= maxBindingBytes) {
        return [{ kernel: gatherKernel(spec), operands: [{ kind: "input", index: 0 }, of, to] }];
      }
      // Each part copies the rows it has. 64 rows begin where a binding may.
      const rowBytes = bytesOf(table!) / rows;
      const most = Math.max(64, 64 * Math.floor(maxBindingBytes / rowBytes / 64));
      return Array.from({ length: Math.ceil(rows / most) }, (_, i): KernelCall => {
        const part = { first: i * most, rows: Math.min(most, rows - i * most) };
        const bound = { offset: part.first * rowBytes, bytes: part.rows * rowBytes };
        const operands = [{ kind: "input", index: 0, part: bound }, of, to] as const;
        return { kernel: gatherKernel({ ...spec, part }), operands };
      });
    },
  },
};

/** The op behind {@linkcode gatherGrad}. */
export const gatherGradOp: OpDef<{ readonly rows: number }> = {
  name: "gather_grad",
  infer: (inputs, { rows }) => {
    const [ids, ct] = inputs;
    const width = ct!.shape.at(-1)!;
    if (ids!.dtype !== "u32" || ct!.dtype !== "f32" || size(ct!.shape) !== size(ids!.shape) * width) {
      throw shapeError("gather_grad", "its operands are not u32 ids and one f32 row for each", inputs);
    }
    return [{ shape: [rows, width], dtype: "f32" }];
  },
  reference: ([ids, ct], { rows }) => {
    const width = ct!.shape.at(-1)!;
    const out = new Float64Array(rows * width);
    eachRow(ids!, rows, "gather_grad", (row, i) => {
      for (let c = 0; c < width; c++) out[row * width + c]! += ct!.data[i * width + c]!;
    });
    return [tensor([rows, width], Float32Array.from(out))];
  },
  vjp: ([ct], [ids]) => [null, ct ? gather(ct, ids!) : null],
  lowering: {
    kind: "kernel",
    takesEpilogue: false,
    lower: ({ inputs: [ids, ct], attrs: { rows } }) => [{
      kernel: gatherGradKernel({ rows, width: ct!.shape.at(-1)!, count: size(ids!.shape) }),
      operands: [{ kind: "input", index: 0 }, { kind: "input", index: 1 }, { kind: "output", index: 0 }],
    }],
  },
};

function eachRow(ids: Tensor, rows: number, op: string, visit: (row: number, i: number) => void): void {
  ids.data.forEach((row: number, i: number) => {
    if (row >= rows) throw new RangeError(`Cannot ${op} row ${row} as the table has ${rows} rows: id ${i}`);
    visit(row, i);
  });
}

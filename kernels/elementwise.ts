/**
 * A fused elementwise expression: `out[i] = f(a[i], b[i], …)`, operands read through their layouts.
 *
 * One invocation computes four neighbours along the last axis (one where its extent is no multiple of 4).
 * Halves are written four at a time alone. Bindings: the operands, out. Called for every chain of elementwise and view ops.
 * @module
 */

import { scalarReader, storedVector, vectorReader } from "./access.ts";
import { bytesRead, collapse, emit, type Expression, unravel } from "./expression.ts";
import { libraryFor } from "./functions.ts";
import { oneEach } from "./grid.ts";
import { type Access, declare, type Kernel } from "./kernel.ts";
import { bytesOf, contiguousStrides, type DType, showShape, size } from "../lib/core/tensor.ts";

const WORKGROUP = 64;

/** Element types of what an expression is computed from and stored as. Words are only read through layouts, all bits kept. */
export interface ElementwiseTypes {
  /** Of each operand; default all as the result. */
  readonly reads?: readonly DType[];
  /** Of the result; halves only where its last extent is a multiple of 4. Default floats. */
  readonly output?: DType;
}

/** Generates the kernel of an expression. */
export function elementwise(expression: Expression, types: ElementwiseTypes = {}): Kernel {
  const { output = "f32" } = types;
  const reads = types.reads ?? expression.operands.map(() => output);
  const contiguous = { offset: 0, strides: contiguousStrides(expression.shape) };
  const { shape, operands } = collapse(expression.shape, [...expression.operands, contiguous]);
  const vector = shape.length > 0 && shape.at(-1)! % 4 === 0;
  if (output === "f16" && !vector) {
    throw new TypeError(
      `Cannot store halves one by one: ${showShape(expression.shape)} has no rows of fours`,
    );
  }
  const extents = vector ? [...shape.slice(0, -1), shape.at(-1)! / 4] : shape;
  const count = size(extents);
  const { statements, indices } = unravel("id", extents, "i");
  const readers = operands.slice(0, -1).map((layout, n) =>
    (vector ? vectorReader : scalarReader)(`x${n}`, layout, reads[n])
  );
  const loads = readers.map((reader, n) => `let v${n} = ${reader.at(indices)};`);
  const { statements: work, result } = emit(
    expression,
    readers.map((_, n) => `v${n}`),
    vector ? "vec4f" : "f32",
    "t",
  );
  const { workgroups, entry } = oneEach(count, WORKGROUP);
  const buffers = [
    ...readers.map(({ type }, n) => ({ name: `x${n}`, type, access: "read" as Access })),
    { name: "out", type: vector ? storedVector(output) : output, access: "read_write" as Access },
  ];
  const code = `${declare(buffers)}

${entry}
  ${[...statements, ...loads, ...work].join("\n  ")}
  out[id] = ${output === "f16" ? `narrowed(${result})` : result};
}`;
  const functions = expression.code.map(({ fn }) => fn).filter((fn) => fn !== "constant");
  return {
    name: `elementwise ${functions.join("+") || "copy"} ${showShape(expression.shape)}${
      output === "f16" ? " halves" : ""
    }`,
    code: [libraryFor(code), code].join("\n"),
    bindings: buffers.map(({ access }) => access),
    workgroups,
    flops: functions.length * size(expression.shape),
    bytes: bytesRead(expression, reads) + bytesOf({ shape: expression.shape, dtype: output }),
    rounds: 0,
  };
}

/**
 * Copies rows into a wider matrix: `out[r, start + c] = x[r, c]`, for concatenation and padding.
 *
 * One invocation moves one element, a `vec4f` where every extent allows it.
 * @module
 */

import { fourAt, storedVector } from "./access.ts";
import { libraryFor } from "./functions.ts";
import { oneEach } from "./grid.ts";
import { declare, type Kernel } from "./kernel.ts";

/** Rows of `width` floats that go to `start` in rows of `stride` floats. */
export interface RowsSpec {
  /** How many rows there are. */
  readonly rows: number;
  /** Floats of a row that is copied. */
  readonly width: number;
  /** Floats of a row that it goes to. */
  readonly stride: number;
  /** Where it begins there. */
  readonly start: number;
}

/** Rows that are copied as they are. */
export interface CopySpec extends RowsSpec {
  /** The type that is read, halves only where all extents are multiples of 4; default floats. */
  readonly from?: "f32" | "f16";
  /** The type that is written, halves only of halves; default floats. */
  readonly to?: "f32" | "f16";
}

/** `out[r, start + c] = x[r, c]`; what lies beside is left as it is. Bindings: x, out. */
export function copyRows(spec: CopySpec): Kernel {
  const { from = "f32", to = "f32" } = spec;
  const { width, start, stride, rows, type } = scale(spec);
  const value = from === to ? "x[id]" : fourAt("x", "id", from);
  const types = type === "f32" ? undefined : { x: storedVector(from), out: storedVector(to) };
  return kernel(
    from === "f32" ? "copy_rows" : `copy_rows ${from} to ${to}`,
    spec,
    rows * width,
    `
  out[id / ${width}u * ${stride}u + ${start}u + id % ${width}u] = ${value};`,
    types,
  );
}

/** As {@linkcode copyRows}, with zeros beside. Bindings: x, out. */
export function padRows(spec: RowsSpec): Kernel {
  const { width, start, stride, rows, type } = scale(spec);
  return kernel(
    "pad_rows",
    spec,
    rows * stride,
    `
  let column = id % ${stride}u;
  let inside = column >= ${start}u && column < ${start + width}u;
  let source = id / ${stride}u * ${width}u + select(0u, column - ${start}u, inside);
  out[id] = select(${type}(), x[source], inside);`,
  );
}

/** `out[start + i] = x[i]` for `i < width`, zeros on to `start + stride`. Bindings: x, out. */
export function placeVector(spec: Omit<RowsSpec, "rows">): Kernel {
  const { width, stride, start, type } = scale({ ...spec, rows: 1 });
  return kernel(
    "place_vector",
    { ...spec, rows: 1 },
    stride,
    `
  out[${start}u + id] = select(${type}(), x[min(id, ${width - 1}u)], id < ${width}u);`,
  );
}

function kernel(
  name: string,
  spec: RowsSpec,
  count: number,
  body: string,
  types?: { readonly x: string; readonly out: string },
): Kernel {
  const { type } = scale(spec);
  const { x, out } = types ?? { x: type, out: type };
  const { workgroups, entry } = oneEach(count, 64);
  return {
    name: `${name} ${spec.rows}x${spec.width}/${spec.stride}`,
    code: `${
      declare([{ name: "x", type: x, access: "read" }, { name: "out", type: out, access: "read_write" }])
    }

${entry}${body}
}
${libraryFor(body)}`,
    bindings: ["read", "read_write"],
    workgroups,
    flops: 0,
    bytes: 8 * spec.rows * spec.width,
    rounds: 0,
  };
}

function scale(spec: RowsSpec): RowsSpec & { type: "f32" | "vec4f" } {
  const vector = [spec.width, spec.stride, spec.start].every((extent) => extent % 4 === 0);
  const by = vector ? 4 : 1;
  return {
    rows: spec.rows,
    width: spec.width / by,
    stride: spec.stride / by,
    start: spec.start / by,
    type: vector ? "vec4f" : "f32",
  };
}

/**
 * The end of a gemm: elementwise work on the accumulators, and storing what is inside the output.
 *
 * An epilogue's operands are read where the output is written: by vec4 where they run along the columns, once an
 * invocation where they are the same for all rows, once a row where they are the same for all columns.
 * @module
 */

import { elementAt, fourAt, storedScalar } from "./access.ts";
import { address, collapse, emit, type Epilogue, type Layout, unravel } from "./expression.ts";
import type { Buffer } from "./gemm.ts";
import type { DType } from "../lib/core/tensor.ts";
import type { Tile } from "./kernel.ts";
import { fourStride } from "./tile_columns.ts";

/** Where the result of a gemm goes. */
export interface Store {
  /** Elementwise work before storing. */
  readonly epilogue: Epilogue | null;
  /** Rows of the whole output. */
  readonly rows: number;
  /** The row of the output that row `i` of the tile is (default: `m{i}`). */
  readonly row?: (i: number) => string;
  /** A condition beside that of being inside (default: none). */
  readonly condition?: (i: number) => string;
}

/** What is stored, and how. */
export interface Frame {
  /** Rows of the output. */
  readonly rows: number;
  /** Columns of the output. */
  readonly columns: number;
  /** The part of it that an invocation holds. */
  readonly tile: Tile;
  /** Where it goes. */
  readonly store: Store;
}

/** An operand of the epilogue, as it is addressed. */
interface Operand extends Buffer {
  /** Over the joined axes of the rows; in fours where `by` is `"four"`. */
  readonly layout: Layout;
  /** How it lies along the columns. */
  readonly by: "four" | "row" | "gather";
  /** Distance between columns. */
  readonly stride: number;
  /** The type of its elements. */
  readonly dtype: DType;
}

/** Statements that store the tile, the buffers they read, and the type of the output's elements. */
export function store(
  frame: Frame,
): {
  readonly statements: readonly string[];
  readonly epilogue: readonly Buffer[];
  readonly type: Buffer["type"];
} {
  const { tile, columns, store: { epilogue } } = frame;
  const { extents, operands } = epilogue ? addressed(epilogue, frame) : { extents: [], operands: [] };
  const fixed = (operand: Operand) => operand.layout.strides.every((stride) => stride === 0);
  const statements = operands.flatMap((operand) => fixed(operand) ? loads(operand, "", [], frame) : []);
  for (let i = 0; i < tile.rows; i++) {
    const row = frame.store.row?.(i) ?? `m${i}`;
    const split = unravel("row", extents, "r");
    const moving = operands.filter((operand) => !fixed(operand));
    const body = [
      `let row = ${row};`,
      ...moving.length > 0 ? split.statements : [],
      ...moving.flatMap((operand) => loads(operand, "row", split.indices, frame)),
    ];
    for (let j = 0; j < tile.columns / 4; j++) {
      const values = [`c${i}_${j}`, ...operands.map((operand) => valueName(operand, j))];
      const { statements, result } = epilogue
        ? emit(epilogue.expression, values, "vec4f", `y${j}_`)
        : { statements: [], result: values[0]! };
      body.push(...statements, write(j, result, frame));
    }
    statements.push(guarded(conditions(i, frame), body));
  }
  const type = columns % 4 !== 0 ? "f32" : epilogue?.output === "f16" ? "vec2u" : "vec4f";
  return { statements, epilogue: operands, type };
}

/** Lays the operands over joined row axes; the columns stay apart. */
function addressed({ expression, reads = [] }: Epilogue, { columns, store: { rows } }: Frame) {
  const { shape } = expression;
  const leading = shape.slice(0, -1);
  if (shape.at(-1) !== columns || leading.reduce((product, extent) => product * extent, 1) !== rows) {
    throw new TypeError(
      `Cannot store [${shape.join(", ")}] as the product has ${rows} rows and ${columns} columns`,
    );
  }
  const others = expression.operands.slice(1);
  const over = others.map(({ offset, strides }) => ({ offset, strides: strides.slice(0, -1) }));
  const joined = collapse(leading, over);
  const operands = joined.operands.map((layout, index): Operand => {
    const name = `e${index + 1}`;
    const stride = others[index]!.strides.at(-1)!;
    const steps = [columns, layout.offset, ...layout.strides];
    const dtype = reads[index] ?? "f32";
    const type = storedScalar(dtype);
    if (stride === 0) return { name, type, layout, by: "row", stride, dtype };
    if (stride !== 1 || steps.some((step) => step % 4 !== 0)) {
      return { name, type, layout, by: "gather", stride, dtype };
    }
    const fours = { offset: layout.offset / 4, strides: layout.strides.map((s) => s / 4) };
    return { name, type: dtype === "f16" ? "vec2u" : "vec4f", layout: fours, by: "four", stride, dtype };
  });
  return { extents: joined.shape, operands };
}

function loads(operand: Operand, scope: string, at: readonly string[], { tile, columns }: Frame): string[] {
  const { name, by, layout, stride, dtype } = operand;
  const start = `${name}_${scope}at`;
  const lines = [`let ${start} = ${address(layout, at)};`];
  if (by === "row") return [...lines, `let ${name}_v = vec4f(${elementAt(name, start, dtype)});`];
  for (let j = 0; j < tile.columns / 4; j++) {
    const value = by === "four"
      ? fourAt(name, `${start} + n${j}`, dtype)
      : `vec4f(${
        [0, 1, 2, 3].map((t) => elementAt(name, `${start} + ${column(j, t, columns)} * ${stride}u`, dtype))
          .join(", ")
      })`;
    lines.push(`let ${valueName(operand, j)} = ${value};`);
  }
  return lines;
}

function valueName({ name, by }: Operand, j: number): string {
  return by === "row" ? `${name}_v` : `${name}_v${j}`;
}

/** The `t`-th of the `j`-th four columns, kept inside the output. */
export function column(j: number, t: number, columns: number): string {
  return columns % 4 === 0 ? `(n${j} * 4u + ${t}u)` : `min(n${j} * 4u + ${t}u, ${columns - 1}u)`;
}

function write(j: number, value: string, { columns, tile, store: { epilogue } }: Frame): string {
  const at = `n + ${j * fourStride(tile)}u`;
  const fours = Math.floor(columns / 4);
  const exact = columns % (tile.columns * tile.lanesX) === 0;
  if (columns % 4 === 0) {
    const stored = epilogue?.output === "f16" ? `narrowed(${value})` : value;
    return guarded(exact ? [] : [`${at} < ${fours}u`], [`out[row * ${fours}u + n${j}] = ${stored};`]);
  }
  const scalars = [0, 1, 2, 3].map((t) =>
    guarded([`(${at}) * 4u + ${t}u < ${columns}u`], [
      `out[row * ${columns}u + (${at}) * 4u + ${t}u] = stored.${"xyzw"[t]};`,
    ])
  );
  return `{\nlet stored = ${value};\n${scalars.join("\n")}\n}`;
}

function conditions(i: number, { rows, tile, store }: Frame): string[] {
  const inside = rows % (tile.rows * tile.lanesY) === 0 ? [] : [`m + ${i}u < ${rows}u`];
  return store.condition ? [...inside, store.condition(i)] : inside;
}

function guarded(conditions: readonly string[], body: readonly string[]): string {
  const block = body.join("\n  ");
  if (conditions.length > 0) return `if (${conditions.join(" && ")}) {\n${block}\n}`;
  return body.length > 1 ? `{\n${block}\n}` : block;
}

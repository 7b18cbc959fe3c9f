/**
 * Every family of kernels by the names that profiles show, and how its shapes are read from text.
 *
 * @module
 */

import { adamw } from "../../kernels/adamw.ts";
import { attention } from "../../kernels/attention.ts";
import { attentionGradKeyValue } from "../../kernels/attention_grad_key_value.ts";
import { attentionGradQuery } from "../../kernels/attention_grad_query.ts";
import type { AttentionSpec } from "../../kernels/attention_tiles.ts";
import { bytesToLevels } from "../../kernels/bytes_to_levels.ts";
import { copyRows, padRows } from "../../kernels/copy.ts";
import { elementwise } from "../../kernels/elementwise.ts";
import type { Expression, Instruction } from "../../kernels/expression.ts";
import { type FunctionName, functions } from "../../kernels/functions.ts";
import { gather } from "../../kernels/gather.ts";
import { gatherGrad } from "../../kernels/gather_grad.ts";
import type { Kernel } from "../../kernels/kernel.ts";
import { normStats, normStatsMerge } from "../../kernels/norm_stats.ts";
import { random } from "../../kernels/random.ts";
import { reduce } from "../../kernels/reduce.ts";
import { resampleBytes } from "../../kernels/resample_bytes.ts";
import { contiguousStrides } from "../../lib/core/tensor.ts";
import { hint } from "../nearest.ts";
import { UsageError } from "../usage_error.ts";
import { type Choices, convolution, product } from "./gemms.ts";

/** One family. */
export interface Family {
  /** A name with shapes. */
  readonly example: string;
  /** What the kernel does. */
  readonly doc: string;
  /** The form of the shapes, its groups the arguments of `write`. */
  readonly form: RegExp;
  /** Writes the kernels. */
  readonly write: (parts: readonly (string | undefined)[], choices: Choices) => readonly Kernel[];
}

const MATRICES = /^(\d+)x(\d+)x(\d+)$/;
const IMAGES = /^(\d+)x(\d+)x(\d+) (\d+)->(\d+) (\d+)x(\d+)(?: stride (\d+))?$/;
const HEADS = /^(\d+)x(\d+)x(\d+)x(\d+)x(\d+)( causal)?$/;
const ROWS = /^(\d+)x(\d+)\/(\d+)$/;

/** The families by name. */
export const families: Readonly<Record<string, Family>> = {
  ...Object.fromEntries(
    [[false, false], [false, true], [true, false], [true, true]].map(([a, b]) => {
      const name = `matmul_${a ? "t" : "n"}${b ? "t" : "n"}`;
      return [
        name,
        {
          example: `${name} 4096x320x320`,
          doc: `rows x columns x depth${a ? ", a transposed" : ""}${b ? ", b transposed" : ""}`,
          form: MATRICES,
          write: (parts, choices) => product(numbers(parts) as [number, number, number], a!, b!, choices),
        } satisfies Family,
      ];
    }),
  ),
  ...Object.fromEntries(
    (["conv2d", "conv2d_grad_input", "conv2d_grad_weight"] as const).map((name) => [
      name,
      {
        example: `${name} 1x64x64 320->320 3x3`,
        doc: "images of height x width, channels, taps; stride 2 may follow",
        form: IMAGES,
        write: (parts, choices) => {
          const [batch, height, width, ci, co, kh, kw] = numbers(parts);
          const stride = Number(parts[7] ?? 1);
          return convolution(name, [batch!, height!, width!], [ci!, co!], [kh!, kw!], stride, choices);
        },
      } satisfies Family,
    ]),
  ),
  attention: {
    example: "attention 2x8x4096x77x40",
    doc: "batch, heads, queries, keys, width of a head; causal may follow",
    form: HEADS,
    write: (parts, { target }) => [attention(headsOf(parts), target)],
  },
  attention_grad_query: {
    example: "attention_grad_query 2x8x4096x77x40",
    doc: "as attention",
    form: HEADS,
    write: (parts, { target }) => [attentionGradQuery(headsOf(parts), target)],
  },
  attention_grad_key_value: {
    example: "attention_grad_key_value 2x8x4096x77x40",
    doc: "as attention",
    form: HEADS,
    write: (parts, { target }) => [attentionGradKeyValue(headsOf(parts), target)],
  },
  norm_stats: {
    example: "norm_stats 1x4096x320/32",
    doc: "batch x positions x channels / groups",
    form: /^(\d+)x(\d+)x(\d+)\/(\d+)$/,
    write: (parts, { target }) => {
      const [batch, positions, channels, groups] = numbers(parts) as [number, number, number, number];
      const spec = { batch, positions, channels, groups, eps: 1e-5 };
      const stats = normStats(spec, target);
      const merge = normStatsMerge(spec);
      return /norm_stats_merge \d+x1x/.test(merge.name) ? [stats] : [stats, merge];
    },
  },
  elementwise: {
    example: "elementwise mul+add+sigmoid 4096x320",
    doc: "functions, each on the one before and fresh operands; the shape",
    form: /^([a-z_0-9+]+) \[?(\d+(?:(?:x|, )\d+)*)\]?$/,
    write: ([work, shape]) => [elementwise(chain(work!.split("+"), extentsOf(shape!)))],
  },
  sum: reduction("sum"),
  max: reduction("max"),
  gather: {
    example: "gather 77x768 of 49408",
    doc: "rows x width, rows of the table",
    form: /^(\d+)x(\d+) of (\d+)$/,
    write: (parts) => [gather(rowsOf(parts))],
  },
  gather_grad: {
    example: "gather_grad 77x768 to 49408",
    doc: "as gather",
    form: /^(\d+)x(\d+) to (\d+)$/,
    write: (parts) => [gatherGrad(rowsOf(parts))],
  },
  copy_rows: {
    example: "copy_rows 4096x320/640",
    doc: "rows x width / width of the rows they are written into",
    form: ROWS,
    write: (parts) => [copyRows(placed(parts))],
  },
  pad_rows: {
    example: "pad_rows 4096x320/640",
    doc: "as copy_rows, zeros beside",
    form: ROWS,
    write: (parts) => [padRows(placed(parts))],
  },
  random_uniform: {
    example: "random_uniform 16384",
    doc: "numbers",
    form: /^(\d+)$/,
    write: ([count]) => [random(Number(count), "uniform")],
  },
  random_normal: {
    example: "random_normal 16384",
    doc: "numbers",
    form: /^(\d+)$/,
    write: ([count]) => [random(Number(count), "normal")],
  },
  resample_bytes: {
    example: "resample_bytes 512x512x3 to 224 by 10",
    doc: "positions before x along x behind the axis, windows and their weights",
    form: /^(\d+)x(\d+)x(\d+) to (\d+) by (\d+)$/,
    write: (parts) => {
      const [outer, extent, inner, count, taps] = numbers(parts) as [number, number, number, number, number];
      return [resampleBytes({ outer, extent, inner, count, taps })];
    },
  },
  bytes_to_levels: {
    example: "bytes_to_levels 50176x3",
    doc: "pixels x channels",
    form: /^(\d+)x(\d+)$/,
    write: ([count, channels]) => [bytesToLevels(Number(count), Number(channels))],
  },
  adamw: {
    example: "adamw 797184",
    doc: "parameters",
    form: /^(\d+)$/,
    write: ([count], { target }) => [
      adamw({ count: Number(count), beta1: 0.9, beta2: 0.999, eps: 1e-8 }, target),
    ],
  },
};

/**
 * Writes the kernels of a name and shapes; `matmul` is `matmul_nn`.
 *
 * @throws {UsageError} If there is no such kernel, or the shapes have another form.
 */
export function writeKernels(name: string, shapes: string, choices: Choices): readonly Kernel[] {
  const full = name === "matmul" ? "matmul_nn" : name;
  if (!Object.hasOwn(families, full)) {
    throw new UsageError(
      `Cannot print the kernel as there is none of that name: ${name}${hint(full, Object.keys(families))}`,
    );
  }
  const { form, write, example } = families[full]!;
  const match = form.exec(shapes);
  if (match === null) {
    throw new UsageError(`Cannot read the shapes of ${name}: ${shapes || "none"}; for instance: ${example}`);
  }
  return write(match.slice(1), choices);
}

function reduction(how: "sum" | "max"): Family {
  return {
    example: `${how} 4096x320 over 1`,
    doc: "shape, the axes that go",
    form: /^\[?(\d+(?:(?:x|, )\d+)*)\]? over (\d+(?:,\d+)*)$/,
    write: ([shape, axes]) =>
      reduce({ expression: chain([], extentsOf(shape!)), how, axes: axes!.split(",").map(Number) }).kernels,
  };
}

/** Applies functions one after the other, each to the result before; further arguments are operands of their own. */
function chain(work: readonly string[], shape: readonly number[]): Expression {
  const arities = work.map((fn) => {
    if (!Object.hasOwn(functions, fn)) {
      const known = Object.keys(functions).join(", ");
      throw new UsageError(`Cannot write ${fn} as it is none of the elementwise functions: ${known}`);
    }
    return functions[fn as FunctionName].js.length;
  });
  const operands = 1 + arities.reduce((sum, arity) => sum + Math.max(arity, 1) - 1, 0);
  let fresh = 1;
  const code = work.map((fn, i): Instruction => {
    const others = Array.from({ length: Math.max(arities[i]!, 1) - 1 }, () => fresh++);
    return { fn: fn as FunctionName, args: [i === 0 ? 0 : operands + i - 1, ...others] };
  });
  const layout = { offset: 0, strides: contiguousStrides(shape) };
  return { shape, operands: Array.from({ length: operands }, () => layout), code };
}

function numbers(parts: readonly (string | undefined)[]): number[] {
  return parts.map(Number);
}

function headsOf(parts: readonly (string | undefined)[]): AttentionSpec {
  const [batch, heads, queries, keys, width] = numbers(parts) as [number, number, number, number, number];
  return { batch, heads, queries, keys, width, causal: parts[5] !== undefined };
}

function rowsOf(parts: readonly (string | undefined)[]) {
  const [count, width, rows] = numbers(parts) as [number, number, number];
  return { count, width, rows };
}

function placed(parts: readonly (string | undefined)[]) {
  const [rows, width, stride] = numbers(parts) as [number, number, number];
  return { rows, width, stride, start: 0 };
}

function extentsOf(text: string): number[] {
  return text.split(/x|, /).map(Number);
}

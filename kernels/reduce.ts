/**
 * A reduction of a fused expression: `out[k] = Σ_r f(a[k, r], b[k, r], …)`, or the maximum instead of the sum.
 *
 * One invocation owns one output (four neighbours where the last axis is kept and a multiple of 4) and walks the reduced
 * axes in order, so the order of summation depends on the reduced extents alone. Long reductions are cut in chunks of
 * the outermost reduced axis, whose partial results a second kernel reduces. Bindings: the operands, out.
 * @module
 */

import { scalarReader, vectorReader } from "./access.ts";
import { bytesRead, collapse, emit, type Expression, type Layout, unravel } from "./expression.ts";
import { libraryFor } from "./functions.ts";
import { oneEach } from "./grid.ts";
import { type Access, declare, type Kernel } from "./kernel.ts";
import { MOST_ROUNDS, nestedRounds } from "./rounds.ts";
import { contiguousStrides, type DType, type Shape, showShape, size } from "../lib/core/tensor.ts";

/** What to reduce, how, and over which axes. */
export interface ReduceSpec {
  /** The elements, computed as they are read. */
  readonly expression: Expression;
  /** What is made of them. */
  readonly how: "sum" | "max";
  /** The axes that disappear. */
  readonly axes: readonly number[];
  /** Element types of the operands; default floats. */
  readonly types?: readonly DType[];
}

/** One kernel, or two with a partial result of so many floats between them. */
export interface Reduction {
  /** The kernels in their order. */
  readonly kernels: readonly Kernel[];
  /** Floats of scratch memory between two kernels; 0 where there is one. */
  readonly partial: number;
}

const WORKGROUP = 64;
/** Elements that one invocation may add up before the work is cut in chunks of half as many. */
const LONGEST = 512;

/** Generates a reduction. */
export function reduce(spec: ReduceSpec): Reduction {
  const { expression, how, axes, types = [] } = spec;
  const cut = findCut(expression.shape, axes);
  if (cut === null) return { kernels: [kernel(spec)], partial: 0 };
  const { axis, count } = cut;
  const split = splitAxis(expression, axis, count);
  const walked = axes.map((a) => a < axis ? a : a + 1);
  const kept = split.shape.filter((_, a) => !walked.includes(a));
  const partials = { shape: kept, operands: [{ offset: 0, strides: contiguousStrides(kept) }], code: [] };
  const chunkAxis = axis - axes.filter((a) => a < axis).length;
  return {
    kernels: [
      kernel({ expression: split, how, axes: walked, types }),
      kernel({ expression: partials, how, axes: [chunkAxis] }),
    ],
    partial: size(kept),
  };
}

/** The reduced axis that divides best into chunks, and into how many; `null` where the reduction is short. */
function findCut(shape: Shape, axes: readonly number[]): { axis: number; count: number } | null {
  const reduced = size(axes.map((axis) => shape[axis]!));
  if (reduced <= LONGEST) return null;
  const most = Math.min(LONGEST, Math.ceil(reduced / (LONGEST / 2)));
  const cuts = axes.map((axis) => {
    let count = Math.min(most, shape[axis]!);
    while (shape[axis]! % count !== 0) count--;
    return { axis, count };
  });
  const best = cuts.reduce((a, b) => b.count > a.count ? b : a);
  return best.count > 1 ? best : null;
}

/** Views an axis as two: `count` chunks, and what lies in each. */
function splitAxis(expression: Expression, axis: number, count: number): Expression {
  const extent = expression.shape[axis]!;
  const cut = (layout: Layout): Layout => ({
    offset: layout.offset,
    strides: layout.strides.flatMap((stride, a) =>
      a === axis ? [stride * (extent / count), stride] : [stride]
    ),
  });
  return {
    shape: expression.shape.flatMap((e, a) => a === axis ? [count, extent / count] : [e]),
    operands: expression.operands.map(cut),
    code: expression.code,
  };
}

function kernel({ expression, how, axes, types = [] }: ReduceSpec): Kernel {
  const { shape } = expression;
  const isReduced = (axis: number) => axes.includes(axis);
  const keptShape = shape.filter((_, axis) => !isReduced(axis));
  const part = (layout: Layout, wanted: boolean): Layout => ({
    offset: 0,
    strides: layout.strides.filter((_, axis) => isReduced(axis) === wanted),
  });
  const keptOut = { offset: 0, strides: contiguousStrides(keptShape) };
  const kept = collapse(keptShape, [...expression.operands.map((o) => part(o, false)), keptOut]);
  const walked = collapse(
    shape.filter((_, axis) => isReduced(axis)),
    expression.operands.map((o) => part(o, true)),
  );
  const lastIsKept = shape.length > 0 && !isReduced(shape.length - 1);
  const vectorKept = lastIsKept && (kept.shape.at(-1) ?? 1) % 4 === 0;
  const vectorWalked = !vectorKept && (walked.shape.at(-1) ?? 1) % 4 === 0;
  const T = vectorKept || vectorWalked ? "vec4f" : "f32";

  // Axes in the order the readers see them: the one read four at a time is last.
  const layouts = expression.operands.map((operand, n): Layout => ({
    offset: operand.offset,
    strides: vectorKept
      ? [...walked.operands[n]!.strides, ...kept.operands[n]!.strides]
      : [...kept.operands[n]!.strides, ...walked.operands[n]!.strides],
  }));
  const readers = layouts.map((layout, n) =>
    (T === "vec4f" ? vectorReader : scalarReader)(`x${n}`, layout, types[n])
  );
  const quarter = (extents: readonly number[], yes: boolean) =>
    yes ? [...extents.slice(0, -1), extents.at(-1)! / 4] : [...extents];
  const keptExtents = quarter(kept.shape, vectorKept);
  const walkedExtents = quarter(walked.shape, vectorWalked);
  const { statements, indices } = unravel("id", keptExtents, "k");
  const walkers = walkedExtents.map((_, n) => `r${n}`);
  const order = vectorKept ? [...walkers, ...indices] : [...indices, ...walkers];
  const loads = readers.map((reader, n) => `let v${n} = ${reader.at(order)};`);
  const { statements: work, result } = emit(expression, readers.map((_, n) => `v${n}`), T, "t");
  const combined = how === "sum" ? `sum + ${result}` : `max(sum, ${result})`;
  const atOnce = walksAtOnce(walkedExtents);
  const walk = [...loads, ...work, `sum = ${combined};`].join("\n    ");
  const loops = walkers.map((name, n) =>
    `for (var ${name} = 0u; ${name} < ${walkedExtents[n]}u; ${
      atOnce > 1 && n === walkers.length - 1 ? "" : `${name}++`
    }) {`
  );
  const inner = walkers.at(-1);
  const walks = atOnce === 1
    ? walk
    : `if (${inner} < ${walkedExtents.at(-1)}u) {\n    ${walk}\n    ${inner}++;\n    }\n    `.repeat(atOnce);
  const folded = vectorWalked
    ? how === "sum" ? "(sum.x + sum.y) + (sum.z + sum.w)" : "max(max(sum.x, sum.y), max(sum.z, sum.w))"
    : "sum";
  const count = size(keptExtents);
  const { workgroups, entry } = oneEach(count, WORKGROUP);
  const buffers = [
    ...readers.map(({ type }, n) => ({ name: `x${n}`, type, access: "read" as Access })),
    { name: "out", type: vectorKept ? "vec4f" : "f32", access: "read_write" as Access },
  ];
  const code = `${declare(buffers)}

${entry}
  ${statements.join("\n  ")}
  var sum = ${T}(${how === "sum" ? "0.0" : "-3.4028234e38"});
  ${loops.join(" ")}
    ${walks}
  ${loops.map(() => "}").join(" ")}
  out[id] = ${folded};
}`;
  return {
    name: `${how} ${showShape(shape)} over ${axes.join(",")}`,
    code: [libraryFor(code), code].join("\n"),
    bindings: buffers.map(({ access }) => access),
    workgroups,
    flops: (1 + expression.code.length) * size(shape),
    bytes: bytesRead(expression, types) + 4 * size(keptShape),
    rounds: roundsOf(walkedExtents, atOnce),
  };
}

/** How many steps of the innermost axis a round takes: the fewest that keep an invocation's rounds in bounds. */
function walksAtOnce(extents: readonly number[]): number {
  let count = 1;
  while (count < (extents.at(-1) ?? 1) && roundsOf(extents, count) > MOST_ROUNDS) count++;
  return count;
}

function roundsOf(extents: readonly number[], atOnce: number): number {
  const last = extents.slice(-1).map((extent) => Math.ceil(extent / atOnce));
  return nestedRounds(...extents.slice(0, -1), ...last);
}

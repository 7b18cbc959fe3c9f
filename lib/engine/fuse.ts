/**
 * Fusion: from a graph to the steps that will be kernels.
 *
 * Elementwise ops and views are not computed where they stand. Each becomes an expression that whoever reads it writes out
 * in its own kernel: another elementwise kernel, a reduction's loop, or the epilogue of the gemm whose result it continues.
 * A value is stored where a result of the graph or an op with kernels of its own needs it, where writing it out again would
 * repeat work, and where a kernel would grow too large. What is stored is read, never computed again.
 * @module
 */

import { contiguousStrides, sameShape, type Shape, showShape, size } from "../core/tensor.ts";
import type { Epilogue, Expression, Instruction, Layout } from "../../kernels/expression.ts";
import { type Graph, type Node, topological, type Value } from "./graph.ts";

/** A stored value, or a part of one that lies contiguous from an offset in elements. */
export interface Stored {
  readonly value: Value;
  readonly offset: number;
}

/** Work that becomes one op's kernels. */
export type Step =
  | {
    readonly kind: "elementwise";
    readonly expression: Expression;
    readonly reads: readonly Value[];
    readonly output: Value;
  }
  | {
    readonly kind: "reduce";
    readonly expression: Expression;
    readonly reads: readonly Value[];
    readonly output: Value;
    readonly how: "sum" | "max";
    readonly axes: readonly number[];
  }
  | {
    readonly kind: "kernel";
    readonly node: Node;
    readonly inputs: readonly Stored[];
    readonly epilogue: Epilogue | null;
    /** What the epilogue reads besides the result. */
    readonly reads: readonly Value[];
    readonly outputs: readonly Value[];
  };

/** The steps of a graph in order, and where its results are then. */
export interface Fused {
  readonly steps: readonly Step[];
  readonly outputs: Readonly<Record<string, Stored>>;
}

/** Buffers a kernel may read; WebGPU guarantees eight bindings, one of them is written. */
const MOST_READS = 7;
/** Instructions of a fused kernel at the most. */
const MOST_CODE = 64;
/** Instructions that may be written out in more than one kernel. */
const CHEAP_CODE = 16;

/** A value as an expression of stored values. */
interface Lazy {
  readonly shape: Shape;
  readonly reads: readonly { readonly value: Value; readonly layout: Layout }[];
  readonly code: readonly Instruction[];
}

/** Turns a graph into steps. */
export function fuse(graph: Graph): Fused {
  const nodes = topological(Object.values(graph.outputs));
  const consumers = countConsumers(nodes);
  const needed = neededInMemory(graph, nodes);
  const steps: Step[] = [];
  const known = new Map<Value, Lazy>();

  const leaf = (value: Value): Lazy => ({
    shape: value.shape,
    reads: [{ value, layout: { offset: 0, strides: contiguousStrides(value.shape) } }],
    code: [],
  });
  /** Makes sure a value lies in memory, and forgets how it was computed. */
  const store = (value: Value): Lazy => {
    const lazy = known.get(value)!;
    const stored = leaf(value);
    steps.push({ kind: "elementwise", expression: expressionOf(lazy), reads: readsOf(lazy), output: value });
    known.set(value, stored);
    return stored;
  };
  /** Where a value lies, contiguous and aligned for a binding; it is stored if it is not. */
  const place = (value: Value): Stored => {
    const lazy = known.get(value)!;
    const [only] = lazy.reads;
    const isWhole = lazy.code.length === 0 && lazy.reads.length === 1 &&
      sameLayout(value.shape, only!.layout.strides, contiguousStrides(value.shape)) &&
      only!.layout.offset % 64 === 0;
    if (isWhole) return { value: only!.value, offset: only!.layout.offset };
    store(value);
    return { value, offset: 0 };
  };
  /** The expression of a value, stored first if it is dear and someone else reads it too. */
  const read = (value: Value): Lazy => {
    const lazy = known.get(value)!;
    return lazy.code.length > CHEAP_CODE && consumers.get(value)! > 1 ? store(value) : lazy;
  };

  for (const node of nodes) {
    const { lowering } = node.op;
    const [output] = node.outputs;
    switch (lowering.kind) {
      case "input":
        known.set(output!, leaf(output!));
        break;
      case "constant":
        known.set(output!, {
          shape: output!.shape,
          reads: [],
          code: [{ fn: "constant", value: node.attrs.value as number }],
        });
        break;
      case "identity":
        node.outputs.forEach((value, i) => known.set(value, read(node.inputs[i]!)));
        break;
      case "elementwise": {
        const compute = (inputs: readonly Lazy[]) =>
          combine(output!.shape, inputs, (args) => ({ fn: lowering.fn, args }));
        let result = compute(node.inputs.map(read));
        while (result.reads.length > MOST_READS || result.code.length > MOST_CODE) {
          store(node.inputs.reduce((a, b) => weight(known.get(b)!) > weight(known.get(a)!) ? b : a));
          result = compute(node.inputs.map(read));
        }
        known.set(output!, result);
        if (needed.has(output!)) store(output!);
        break;
      }
      case "view": {
        const from = node.inputs[0]!;
        const through = (lazy: Lazy): Lazy | null => {
          const reads = lazy.reads.map(({ value, layout }) => ({
            value,
            layout: lowering.view(layout, from.shape, node.attrs, output!.shape),
          }));
          return reads.every(({ layout }) => layout !== null)
            ? { shape: output!.shape, reads: reads as Lazy["reads"], code: lazy.code }
            : null;
        };
        const lazy = read(from);
        const repeats = size(output!.shape) > size(from.shape) && lazy.code.length > 0 &&
          lazy.reads.length > 0;
        known.set(output!, (repeats ? null : through(lazy)) ?? through(store(from))!);
        break;
      }
      case "reduce": {
        const lazy = read(node.inputs[0]!);
        steps.push({
          kind: "reduce",
          expression: expressionOf(lazy),
          reads: readsOf(lazy),
          output: output!,
          how: lowering.how,
          axes: lowering.axes(node.attrs),
        });
        known.set(output!, leaf(output!));
        break;
      }
      case "kernel":
        steps.push({
          kind: "kernel",
          node,
          inputs: node.inputs.map(place),
          epilogue: null,
          reads: [],
          outputs: node.outputs,
        });
        node.outputs.forEach((value) => known.set(value, leaf(value)));
        break;
    }
  }
  const outputs = Object.fromEntries(
    Object.entries(graph.outputs).map(([name, value]) => [name, place(value)]),
  );
  return { steps: updatesLast(absorbEpilogues(steps, outputs)), outputs };
}

/** Prints the steps, one a line. */
export function showSteps({ steps }: Fused): string {
  return steps.map((step) => {
    const code = (expression: Expression) => expression.code.map(({ fn }) => fn).join("+") || "copy";
    switch (step.kind) {
      case "elementwise":
        return `${code(step.expression)} ${showShape(step.output.shape)}`;
      case "reduce":
        return `${step.how}(${code(step.expression)}) ${showShape(step.expression.shape)} over ${
          step.axes.join(",")
        }`;
      case "kernel":
        return `${step.node.op.name} ${showShape(step.outputs[0]!.shape)}` +
          (step.epilogue ? ` then ${code(step.epilogue.expression)}` : "");
    }
  }).join("\n");
}

/** How often each value is read. */
function countConsumers(nodes: readonly Node[]): ReadonlyMap<Value, number> {
  const counts = new Map<Value, number>();
  for (const { inputs } of nodes) for (const value of inputs) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** The values that a result or an op with kernels of its own reads, but for a change of shape. */
function neededInMemory(graph: Graph, nodes: readonly Node[]): ReadonlySet<Value> {
  const readers = nodes.filter(({ op }) => op.lowering.kind === "kernel").flatMap(({ inputs }) => inputs);
  return new Set([...readers, ...Object.values(graph.outputs)].map((value) => {
    let root = value;
    while (isRenaming(root.node)) root = root.node.inputs[root.index]!;
    return root;
  }));
}

/** How many readers each stored value has, results of the graph included. */
export function countUses(
  steps: readonly Step[],
  outputs: Readonly<Record<string, Stored>>,
): ReadonlyMap<Value, number> {
  const uses = new Map<Value, number>();
  const count = (value: Value) => uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const step of steps) {
    step.reads.forEach(count);
    if (step.kind === "kernel") step.inputs.forEach(({ value }) => count(value));
  }
  Object.values(outputs).forEach(({ value }) => count(value));
  return uses;
}

/** Whether a node leaves its operands where they lie. */
function isRenaming({ op }: Node): boolean {
  return op.name === "reshape" || op.lowering.kind === "identity";
}

/** Joins expressions over one shape; equal operands and equal instructions are written once. */
function combine(shape: Shape, parts: readonly Lazy[], last: (args: readonly number[]) => Instruction): Lazy {
  const reads: Lazy["reads"][number][] = [];
  for (const { value, layout } of parts.flatMap((part) => part.reads)) {
    if (!reads.some((r) => r.value === value && equalLayout(shape, r.layout, layout))) {
      reads.push({ value, layout });
    }
  }
  const code: Instruction[] = [];
  const seen = new Map<string, number>();
  const push = (instruction: Instruction): number => {
    const text = JSON.stringify(instruction);
    const position = seen.get(text);
    if (position !== undefined) return position;
    code.push(instruction);
    seen.set(text, reads.length + code.length - 1);
    return reads.length + code.length - 1;
  };
  const results = parts.map((part) => {
    const numbers = part.reads.map(({ value, layout }) =>
      reads.findIndex((r) => r.value === value && equalLayout(shape, r.layout, layout))
    );
    for (const instruction of part.code) {
      numbers.push(push(
        instruction.fn === "constant"
          ? instruction
          : { fn: instruction.fn, args: instruction.args.map((arg) => numbers[arg]!) },
      ));
    }
    return numbers.at(-1)!;
  });
  const result = push(last(results));
  if (result !== reads.length + code.length - 1) push({ fn: "copy", args: [result] });
  return { shape, reads, code };
}

/** Moves elementwise steps that only continue a gemm's result into the gemm. */
function absorbEpilogues(steps: readonly Step[], outputs: Readonly<Record<string, Stored>>): Step[] {
  const uses = countUses(steps, outputs);
  const producers = new Map<Value, Step>();
  const result = new Set<Step>();
  for (const step of steps) {
    let next = step;
    if (step.kind === "elementwise") {
      const position = step.reads.findLastIndex((value, i) =>
        uses.get(value) === 1 && canContinue(producers.get(value), step.expression, i)
      );
      if (position >= 0) {
        const gemm = producers.get(step.reads[position]!) as Step & { kind: "kernel" };
        result.delete(gemm);
        next = {
          ...gemm,
          epilogue: { expression: operandFirst(step.expression, position) },
          reads: step.reads.filter((_, i) => i !== position),
          outputs: [step.output],
        };
      }
    }
    result.add(next);
    if (next.kind === "kernel") next.outputs.forEach((value) => producers.set(value, next));
  }
  return [...result];
}

/** Moves what updates memory in place, and what follows from it, behind everything that may read the old values. */
function updatesLast(steps: readonly Step[]): Step[] {
  const late = new Set<Value>();
  const isLate = (step: Step): boolean => {
    const reads = step.kind === "kernel"
      ? [...step.reads, ...step.inputs.map(({ value }) => value)]
      : step.reads;
    const updates = step.kind === "kernel" && step.node.op.lowering.kind === "kernel" &&
      step.node.op.lowering.inPlace !== undefined;
    const waits = updates || reads.some((value) => late.has(value));
    if (waits) (step.kind === "kernel" ? step.outputs : [step.output]).forEach((value) => late.add(value));
    return waits;
  };
  const { early = [], after = [] } = Object.groupBy(steps, (step) => isLate(step) ? "after" : "early");
  return [...early, ...after];
}

function canContinue(producer: Step | undefined, expression: Expression, operand: number): boolean {
  if (producer?.kind !== "kernel" || producer.epilogue !== null) return false;
  const { lowering } = producer.node.op;
  const [output] = producer.outputs;
  const layout = expression.operands[operand]!;
  return lowering.kind === "kernel" && lowering.takesEpilogue &&
    expression.operands.length <= MOST_READS - 2 &&
    expression.shape.at(-1) === output!.shape.at(-1) && size(expression.shape) === size(output!.shape) &&
    layout.offset === 0 && sameLayout(expression.shape, layout.strides, contiguousStrides(expression.shape));
}

/** The same expression with one operand moved to the front. */
function operandFirst({ shape, operands, code }: Expression, position: number): Expression {
  const order = [position, ...operands.keys().filter((i) => i !== position)];
  const renamed = (arg: number) => arg < operands.length ? order.indexOf(arg) : arg;
  return {
    shape,
    operands: order.map((i) => operands[i]!),
    code: code.map((instruction) =>
      instruction.fn === "constant" ? instruction : { ...instruction, args: instruction.args.map(renamed) }
    ),
  };
}

function expressionOf({ shape, reads, code }: Lazy): Expression {
  return { shape, operands: reads.map(({ layout }) => layout), code };
}

function readsOf({ reads }: Lazy): Value[] {
  return reads.map(({ value }) => value);
}

function weight({ reads, code }: Lazy): number {
  return 100 * reads.length + code.length - (code.length === 0 ? 1000 : 0);
}

function equalLayout(shape: Shape, a: Layout, b: Layout): boolean {
  return a.offset === b.offset && sameLayout(shape, a.strides, b.strides);
}

/** Whether two strides visit a shape alike; along an extent of 1 every stride does. */
function sameLayout(shape: Shape, a: readonly number[], b: readonly number[]): boolean {
  return sameShape(a.filter((_, axis) => shape[axis] !== 1), b.filter((_, axis) => shape[axis] !== 1));
}

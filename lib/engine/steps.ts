/**
 * Steps: what fusion makes of a graph. Each becomes one op's kernels.
 * @module
 */

import { showShape } from "../core/tensor.ts";
import type { Epilogue, Expression } from "../../kernels/expression.ts";
import type { Node, Value } from "./graph.ts";

/** A stored value, or a part of one that lies contiguous from an offset in elements. */
export interface Stored {
  /** What is stored. */
  readonly value: Value;
  /** Where the part begins. */
  readonly offset: number;
}

/** An expression, computed and stored. */
export interface ElementwiseStep {
  /** Which step it is. */
  readonly kind: "elementwise";
  /** What is computed. */
  readonly expression: Expression;
  /** The operands of the expression. */
  readonly reads: readonly Value[];
  /** The result. */
  readonly output: Value;
}

/** An expression, reduced as it is computed. */
export interface ReduceStep extends Omit<ElementwiseStep, "kind"> {
  /** Which step it is. */
  readonly kind: "reduce";
  /** What is made of the elements. */
  readonly how: "sum" | "max";
  /** The axes that disappear. */
  readonly axes: readonly number[];
}

/** A node with kernels of its own. */
export interface KernelStep {
  /** Which step it is. */
  readonly kind: "kernel";
  /** The node. */
  readonly node: Node;
  /** Where its inputs lie. */
  readonly inputs: readonly Stored[];
  /** Elementwise work on the result before it is stored. */
  readonly epilogue: Epilogue | null;
  /** What the epilogue reads besides the result. */
  readonly reads: readonly Value[];
  /** The results: those of the node, or that of the epilogue. */
  readonly outputs: readonly Value[];
}

/** Work that becomes one op's kernels. */
export type Step = ElementwiseStep | ReduceStep | KernelStep;

/** The steps of a graph in order, and where its results are then. */
export interface Fused {
  /** Every step after those whose results it reads. */
  readonly steps: readonly Step[];
  /** The results of the graph by name. */
  readonly outputs: Readonly<Record<string, Stored>>;
}

/** The stored values that a step reads, one for each operand. */
export function readsOf(step: Step): readonly Value[] {
  return step.kind === "kernel" ? [...step.inputs.map(({ value }) => value), ...step.reads] : step.reads;
}

/** The values that a step stores. */
export function outputsOf(step: Step): readonly Value[] {
  return step.kind === "kernel" ? step.outputs : [step.output];
}

/** For each output that a step computes in the memory of an input, that input. */
export function updatedBy(step: Step): readonly Stored[] {
  if (step.kind !== "kernel" || step.node.op.lowering.kind !== "kernel") return [];
  return (step.node.op.lowering.inPlace ?? []).map((input) => step.inputs[input]!);
}

/** How many readers each stored value has, results of the graph included. */
export function countUses({ steps, outputs }: Fused): ReadonlyMap<Value, number> {
  const uses = new Map<Value, number>();
  const count = (value: Value) => uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const step of steps) readsOf(step).forEach(count);
  Object.values(outputs).forEach(({ value }) => count(value));
  return uses;
}

/** Prints the steps, one a line. */
export function showSteps({ steps }: Pick<Fused, "steps">): string {
  const code = (expression: Expression) => expression.code.map(({ fn }) => fn).join("+") || "copy";
  return steps.map((step) => {
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

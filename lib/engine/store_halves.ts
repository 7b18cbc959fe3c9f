/**
 * Values that lie in memory as halves: those of which every element is one, so that nothing is lost.
 *
 * What rounds a value last, or moves halves, may store it in half the memory; whoever reads it widens it to the same bits. A value
 * stays floats where a kernel that reads or writes it works on floats alone, and where it is a result of the graph.
 * @module
 */

import type { Value } from "./graph.ts";
import { canBeHalves } from "./ops/factor.ts";
import {
  type ElementwiseStep,
  type Fused,
  type KernelStep,
  readsOf,
  type Step,
  type Stored,
} from "./steps.ts";

/** Halves that bindings start at: WebGPU asks for 256 bytes. */
const ALIGNMENT = 128;

/** Stores as halves what can be: such values are replaced by others of that type. */
export function storeHalves({ steps, outputs }: Fused): Fused {
  const refused = new Set(Object.values(outputs).map(({ value }) => value));
  for (const step of steps) {
    for (const value of readAsFloats(step)) refused.add(value);
  }
  const halves = new Map<Value, Value>();
  for (const step of steps) {
    const output = halvesOf(step, halves);
    if (output !== null && !refused.has(output)) halves.set(output, { ...output, dtype: "f16" });
  }
  if (halves.size === 0) return { steps, outputs };
  const stored = (value: Value) => halves.get(value) ?? value;
  return { steps: steps.map((step) => replaced(step, stored)), outputs };
}

/** The values that a step's kernels cannot read as halves. */
function readAsFloats(step: Step): Value[] {
  if (step.kind !== "kernel" || step.node.op.lowering.kind !== "kernel") return [];
  const { node: { op: { lowering }, inputs, attrs } } = step;
  return step.inputs.filter(({ offset }, i) =>
    offset % ALIGNMENT !== 0 || !lowering.readsHalves?.(i, inputs, attrs)
  ).map(({ value }) => value);
}

/** The value that a step could store as halves; `null`: none. */
function halvesOf(step: Step, halves: ReadonlyMap<Value, Value>): Value | null {
  if (step.kind === "reduce") return null;
  const output = step.kind === "elementwise" ? step.output : step.outputs[0]!;
  const isOfHalves = isRounded(step) || moves(step) && readsOf(step).every((value) => halves.has(value));
  return isOfHalves && canBeHalves(output.shape) ? output : null;
}

/** Whether the last that a step does is to round. */
function isRounded(step: KernelStep | ElementwiseStep): boolean {
  const { expression } = step.kind === "elementwise" ? step : step.epilogue ?? {};
  return expression?.code.at(-1)?.fn === "half";
}

/** Whether a step's result has no elements but those it reads. */
function moves(step: KernelStep | ElementwiseStep): boolean {
  if (step.kind === "elementwise") return step.expression.code.length === 0;
  const { lowering } = step.node.op;
  return lowering.kind === "kernel" && lowering.moves === true;
}

/** A step that reads and writes other values. */
function replaced(step: Step, by: (value: Value) => Value): Step {
  const reads = step.reads.map(by);
  if (step.kind !== "kernel") return { ...step, reads, output: by(step.output) };
  const outputs = step.outputs.map(by);
  return {
    ...step,
    inputs: step.inputs.map(({ value, offset }): Stored => ({ value: by(value), offset })),
    epilogue: step.epilogue && {
      expression: step.epilogue.expression,
      reads: reads.map(({ dtype }) => dtype),
      output: outputs[0]!.dtype,
    },
    reads,
    outputs,
  };
}

/**
 * Epilogues: elementwise steps that only continue a gemm's result are done by the gemm before it stores.
 * @module
 */

import { size } from "../core/tensor.ts";
import type { Expression } from "../../kernels/expression.ts";
import type { Value } from "./graph.ts";
import { contiguous, renumbered, sameLayout } from "./lazy.ts";
import { stepsAfterUpdates } from "./schedule.ts";
import { countUses, type Fused, type KernelStep, outputsOf, type Step } from "./steps.ts";

/** Operands an epilogue may have: WebGPU guarantees eight bindings, a gemm has two inputs and an output. */
const MOST_OPERANDS = 5;

/**
 * Moves elementwise steps into the gemms they continue.
 *
 * The gemm then stands where the elementwise step stood, so what waits for updates in place takes no gemm along: its
 * inputs may be what is updated.
 */
export function absorbEpilogues({ steps, outputs }: Fused): Fused {
  const uses = countUses({ steps, outputs });
  const waits = stepsAfterUpdates(steps);
  const producers = new Map<Value, Step>();
  const result = new Set<Step>();
  for (const step of steps) {
    let next = step;
    if (step.kind === "elementwise" && !waits.has(step)) {
      const position = step.reads.findLastIndex((value, i) =>
        uses.get(value) === 1 && canContinue(producers.get(value), step.expression, i)
      );
      if (position >= 0) {
        const gemm = producers.get(step.reads[position]!) as KernelStep;
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
    outputsOf(next).forEach((value) => producers.set(value, next));
  }
  return { steps: [...result], outputs };
}

/** Whether a step's result may be continued by an expression that reads it as an operand. */
function canContinue(producer: Step | undefined, expression: Expression, operand: number): boolean {
  if (producer?.kind !== "kernel" || producer.epilogue !== null) return false;
  const { lowering } = producer.node.op;
  if (lowering.kind !== "kernel" || !lowering.takesEpilogue) return false;
  const { shape } = producer.outputs[0]!;
  return expression.operands.length <= MOST_OPERANDS &&
    expression.shape.at(-1) === shape.at(-1) && size(expression.shape) === size(shape) &&
    sameLayout(expression.shape, expression.operands[operand]!, contiguous(expression.shape));
}

/** The same expression with one operand moved to the front. */
function operandFirst({ shape, operands, code }: Expression, position: number): Expression {
  const order = [position, ...operands.keys().filter((i) => i !== position)];
  const renamed = (arg: number) => arg < operands.length ? order.indexOf(arg) : arg;
  return {
    shape,
    operands: order.map((i) => operands[i]!),
    code: code.map((instruction) => renumbered(instruction, renamed)),
  };
}

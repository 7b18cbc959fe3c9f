/**
 * Rematerialisation: a segment that is computed again in the backward pass instead of being kept (Chen et al. 2016,
 * https://arxiv.org/abs/1604.06174).
 * @module
 */

import { pullback } from "./autodiff.ts";
import { apply, applyAll, type Attrs, type OpDef, topological, type Value } from "./graph.ts";

/**
 * Computes `fn(inputs)` so that the backward pass keeps only the segment's inputs and computes the rest again.
 *
 * Values that `fn` captures, its parameters for instance, receive their gradients as if it were called plainly.
 */
export function checkpoint(
  fn: (inputs: readonly Value[]) => readonly Value[],
  inputs: readonly Value[],
): readonly Value[] {
  const outputs = fn(inputs);
  const captured = capturedBy(outputs, fn(inputs), inputs);
  const op: OpDef<Attrs> = {
    name: "checkpoint",
    infer: () => outputs.map(({ shape, dtype }) => ({ shape, dtype })),
    reference: (values) => values.slice(0, outputs.length),
    vjp: (cts) => {
      const ct = cts.find((ct) => ct !== null)!;
      const late = inputs.map((value) => apply(afterOp, [value, ct], {}));
      const gradients = pullback(fn(late), cts, [...late, ...captured]);
      return [...outputs.map(() => null), ...gradients];
    },
    lowering: { kind: "identity" },
  };
  return applyAll(op, [...outputs, ...inputs, ...captured], { outputs: outputs.length });
}

/** What the segment reads besides its inputs: what two calls of it share. */
function capturedBy(
  outputs: readonly Value[],
  twins: readonly Value[],
  inputs: readonly Value[],
): Value[] {
  const shared = new Set(topological(twins));
  const own = topological(outputs).filter((node) => !shared.has(node));
  const read = new Set(own.flatMap((node) => node.inputs));
  return [...read].filter((value) => shared.has(value.node) && !inputs.includes(value));
}

/** The first operand, not before the second is known. */
const afterOp: OpDef<Attrs> = {
  name: "after",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  reference: ([x]) => [x!],
  vjp: ([ct]) => [ct ?? null, null],
  lowering: { kind: "identity" },
};

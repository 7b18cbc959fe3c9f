/**
 * Rematerialisation: a segment that is computed again in the backward pass instead of being kept (Chen et al. 2016,
 * https://arxiv.org/abs/1604.06174).
 * @module
 */

import { pullback } from "./autodiff.ts";
import { apply, applyAll, type Attrs, type OpDef, topological, type Value } from "./graph.ts";

/** How a segment's gradients are computed. */
export interface CheckpointOptions {
  /**
   * Whether the backward pass computes the segment again; default true. If not, everything is kept, and gradients are summed in
   * the same order all the same, so that they have the same bits either way.
   */
  readonly rematerialise?: boolean;
}

/**
 * Computes `fn(inputs)` so that the backward pass keeps only the segment's inputs and computes the rest again.
 *
 * Values that `fn` captures, its parameters for instance, receive their gradients as if it were called plainly.
 */
export function checkpoint(
  fn: (inputs: readonly Value[]) => readonly Value[],
  inputs: readonly Value[],
  { rematerialise = true }: CheckpointOptions = {},
): readonly Value[] {
  // Twins of the inputs, as those may lead to one another outside of the segment.
  const own = inputs.map((value) => apply(sameOp, [value], {}));
  const outputs = fn(own);
  const captured = capturedBy(outputs, fn(own), own);
  const op: OpDef<Attrs> = {
    name: "checkpoint",
    infer: () => outputs.map(({ shape, dtype }) => ({ shape, dtype })),
    reference: (values) => values.slice(0, outputs.length),
    vjp: (cts, _inputs, _outputs, _attrs, wanted) => {
      const ct = cts.find((ct) => ct !== null)!;
      const from = rematerialise ? inputs.map((value) => apply(afterOp, [value, ct], {})) : own;
      const isWanted = wanted.slice(outputs.length);
      const wrt = [...from, ...captured].filter((_, i) => isWanted[i]);
      // What lies before the segment is for whoever differentiates it.
      const gradients = pullback(rematerialise ? fn(from) : outputs, cts, wrt, true);
      return [...outputs.map(() => null), ...isWanted.map((is) => is ? gradients.shift()! : null)];
    },
    lowering: { kind: "identity" },
  };
  return applyAll(op, [...outputs, ...inputs, ...captured], { outputs: outputs.length });
}

/** What the segment reads or returns besides its inputs: what two calls of it share. */
function capturedBy(
  outputs: readonly Value[],
  twins: readonly Value[],
  inputs: readonly Value[],
): Value[] {
  const shared = new Set(topological(twins));
  const own = topological(outputs).filter((node) => !shared.has(node));
  const read = new Set([...own.flatMap((node) => node.inputs), ...outputs]);
  return [...read].filter((value) => shared.has(value.node) && !inputs.includes(value));
}

/** The operand under another name. */
const sameOp: OpDef<Attrs> = {
  name: "same",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  reference: ([x]) => [x!],
  vjp: ([ct]) => [ct ?? null],
  lowering: { kind: "identity" },
};

/** The first operand, not before the second is known. */
const afterOp: OpDef<Attrs> = {
  ...sameOp,
  name: "after",
  vjp: ([ct]) => [ct ?? null, null],
  lowering: { kind: "identity", waits: true },
};

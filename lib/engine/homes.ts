/**
 * Homes: values that live in the memory of another, because they are computed in its place or gathered into it.
 * @module
 */

import { size } from "../core/tensor.ts";
import type { Value } from "./graph.ts";
import { countUses, type Fused, outputsOf, readsOf, type Step, updatedBy } from "./steps.ts";

/** What memory is assigned to: a stored value, or the scratch of one op. */
export type Block = Value | { readonly scratch: number };

/** A block, or a part of it. */
export interface Home {
  /** Whose memory it is. */
  readonly block: Block;
  /** Where the part begins, in bytes. */
  readonly offset: number;
}

/** Who lives where. */
export interface Homes {
  /** Where a block lives, most often in memory of its own. */
  readonly of: (block: Block) => Home;
  /** Values that others are written straight into; the gaps between those must be zero. */
  readonly collected: ReadonlySet<Block>;
}

/** Finds the homes of the values that steps compute. */
export function homesOf({ steps, outputs }: Fused): Homes {
  const direct = new Map<Block, Home>();
  for (const step of steps) {
    updatedBy(step).forEach(({ value, offset }, i) =>
      direct.set(outputsOf(step)[i]!, { block: value, offset: 4 * offset })
    );
  }
  const updated = new Set([...direct.values()].map(({ block }) => block));
  const uses = countUses({ steps, outputs });
  const computed = new Set(steps.flatMap(outputsOf));
  const collected = new Set<Block>();
  for (const step of steps) {
    if (step.kind !== "kernel" || step.node.op.lowering.kind !== "kernel") continue;
    const [whole] = step.outputs as readonly [Value];
    if (updated.has(whole)) continue;
    step.node.op.lowering.starts?.(step.node.attrs).forEach((start, i) => {
      const { value, offset } = step.inputs[i]!;
      const isWhole = offset === 0 && size(value.shape) === size(step.node.inputs[i]!.shape);
      if (!isWhole || uses.get(value) !== 1 || !computed.has(value) || direct.has(value)) return;
      direct.set(value, { block: whole, offset: 4 * start });
      collected.add(whole);
    });
  }
  const of = (block: Block): Home => {
    const home = direct.get(block);
    if (home === undefined) return { block, offset: 0 };
    const root = of(home.block);
    return { block: root.block, offset: root.offset + home.offset };
  };
  return { of, collected };
}

/**
 * Refuses steps by which a value is read, or a result, after another was computed in its place.
 *
 * @param nameOf What to call a value in the error.
 * @throws {TypeError} Naming the value.
 */
export function checkUpdates({ steps, outputs }: Fused, nameOf: (value: Value) => string): void {
  const isRead = (value: Value, step: Step) => readsOf(step).includes(value);
  steps.forEach((step, i) => {
    for (const { value } of updatedBy(step)) {
      const twice = readsOf(step).filter((other) => other === value).length > 1;
      const later = steps.slice(i + 1).some((next) => isRead(value, next));
      const result = Object.values(outputs).some((stored) => stored.value === value);
      if (twice || later || result) {
        throw new TypeError(
          `Cannot plan the graph as ${nameOf(value)} is read after it was updated in place`,
        );
      }
    }
  });
}

/**
 * Homes: values that live in the memory of another, because they are computed in its place or gathered into it.
 * @module
 */

import type { Block } from "./calls.ts";
import { countUses, type Step, type Stored } from "./fuse.ts";
import type { Value } from "./graph.ts";

/** Who lives where. */
export interface Homes {
  /** The block whose memory a block lives in, most often its own, and from which byte on. */
  readonly of: (block: Block) => { readonly block: Block; readonly offset: number };
  /** Values that others are written straight into; the gaps between those must be zero. */
  readonly collected: ReadonlySet<Value>;
  /** Values whose memory a later value takes over. */
  readonly overwritten: ReadonlySet<Value>;
}

/** Finds the homes of the values that steps compute. */
export function homesOf(steps: readonly Step[], outputs: Readonly<Record<string, Stored>>): Homes {
  const direct = new Map<Block, { readonly block: Value; readonly offset: number }>();
  const collected = new Set<Value>();
  const overwritten = new Set<Value>();
  const uses = countUses(steps, outputs);
  const computed = new Set(steps.flatMap((step) => step.kind === "kernel" ? step.outputs : [step.output]));
  for (const step of steps) {
    if (step.kind !== "kernel" || step.node.op.lowering.kind !== "kernel") continue;
    const { inPlace, starts } = step.node.op.lowering;
    inPlace?.forEach((from, i) => {
      const source = step.inputs[from]!.value;
      direct.set(step.outputs[i]!, { block: source, offset: 0 });
      overwritten.add(source);
    });
    const [whole] = step.outputs;
    starts?.(step.node.attrs).forEach((start, i) => {
      const { value, offset } = step.inputs[i]!;
      if (offset !== 0 || uses.get(value) !== 1 || !computed.has(value) || direct.has(value)) return;
      direct.set(value, { block: whole!, offset: 4 * start });
      collected.add(whole!);
    });
  }
  const of: Homes["of"] = (block) => {
    const home = direct.get(block);
    if (home === undefined) return { block, offset: 0 };
    const root = of(home.block);
    return { block: root.block, offset: root.offset + home.offset };
  };
  return { of, collected, overwritten };
}

/**
 * Plans: which kernels run in which order, and which memory each of them uses.
 *
 * Memory is planned before any is allocated. Values that do not live at the same time share a slot; no slot is both read and
 * written by one kernel.
 * @module
 */

import { size } from "../core/tensor.ts";
import { elementwise } from "../../kernels/elementwise.ts";
import type { Kernel, Target } from "../../kernels/kernel.ts";
import { reduce } from "../../kernels/reduce.ts";
import { fuse, type Step, type Stored } from "./fuse.ts";
import type { Graph, Value } from "./graph.ts";
import type { KernelCall, Operand } from "./lowering.ts";
import { simplify } from "./simplify.ts";

/** Memory of a plan: an input of the graph, or a slot of the plan's own. */
export type Memory =
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "slot"; readonly index: number };

/** A part of memory, from an offset on. */
export interface Place {
  readonly memory: Memory;
  /** In bytes, a multiple of 256. */
  readonly offset: number;
  /** In bytes. */
  readonly bytes: number;
}

/** One kernel and the places its bindings are bound to. */
export interface Dispatch {
  readonly kernel: Kernel;
  readonly places: readonly Place[];
}

/** Everything that is to be done for a graph. */
export interface Plan {
  readonly dispatches: readonly Dispatch[];
  /** Bytes of every slot. */
  readonly slots: readonly number[];
  readonly outputs: Readonly<Record<string, Place>>;
}

/** Plans a graph for an adapter. */
export function plan(graph: Graph, target: Target): Plan {
  const { steps, outputs } = fuse(simplify(graph));
  const calls = steps.flatMap((step) => lower(step, target));
  const names = new Map(Object.entries(graph.inputs).map(([name, value]) => [value, name]));
  const homes = inPlaceHomes(steps);
  const home = (value: Value): Value => homes.has(value) ? home(homes.get(value)!) : value;
  checkOverwrites(calls, homes, names);

  // The last call that touches each block; results live to the end.
  const lastUse = new Map<Block, number>();
  const blockOf = (block: Block): Block => typeof block === "object" && "node" in block ? home(block) : block;
  calls.forEach(({ blocks }, i) => blocks.forEach(({ block }) => lastUse.set(blockOf(block), i)));
  Object.values(outputs).forEach(({ value }) => lastUse.set(home(value), Infinity));

  const slots: number[] = [];
  const free = new Set<number>();
  const memories = new Map<Block, Memory>();
  const memoryOf = (block: Block, bytes: number): Memory => {
    const root = blockOf(block);
    const known = memories.get(root);
    if (known !== undefined) return known;
    const name = "node" in root ? names.get(root) : undefined;
    const memory: Memory = name !== undefined
      ? { kind: "input", name }
      : { kind: "slot", index: takeSlot(slots, free, bytes) };
    memories.set(root, memory);
    return memory;
  };
  const dispatches = calls.map(({ kernel, blocks }, i): Dispatch => {
    const places = blocks.map(({ block, offset, bytes }) => ({
      memory: memoryOf(block, bytes),
      offset,
      bytes,
    }));
    for (const { block } of blocks) {
      const memory = memories.get(blockOf(block))!;
      if (memory.kind === "slot" && lastUse.get(blockOf(block)) === i) free.add(memory.index);
    }
    return { kernel, places };
  });
  return {
    dispatches,
    slots,
    outputs: Object.fromEntries(
      Object.entries(outputs).map(([name, { value, offset }]) => [
        name,
        {
          memory: memoryOf(value, bytesOf(value)),
          offset: 4 * offset,
          bytes: bytesOf(graph.outputs[name]!),
        },
      ]),
    ),
  };
}

/** Bytes of the slots together: what a plan needs besides its inputs. */
export function planBytes({ slots }: Plan): number {
  return slots.reduce((sum, bytes) => sum + bytes, 0);
}

/** Prints a plan, one kernel a line with the memory it uses. */
export function showPlan({ dispatches, slots }: Plan): string {
  const show = ({ memory, offset }: Place) =>
    `${memory.kind === "slot" ? `#${memory.index}` : memory.name}${offset > 0 ? `+${offset}` : ""}`;
  return [
    ...dispatches.map(({ kernel, places }) => `${kernel.name}: ${places.map(show).join(" ")}`),
    `slots: ${slots.join(" ")} bytes`,
  ].join("\n");
}

/** What memory is assigned to: a stored value, or the scratch of one op. */
type Block = Value | { readonly scratch: number };

interface Call {
  readonly kernel: Kernel;
  readonly blocks: readonly { readonly block: Block; readonly offset: number; readonly bytes: number }[];
}

function lower(step: Step, target: Target): Call[] {
  const whole = (value: Value) => ({ block: value as Block, offset: 0, bytes: bytesOf(value) });
  switch (step.kind) {
    case "elementwise":
      return [{ kernel: elementwise(step.expression), blocks: [...step.reads, step.output].map(whole) }];
    case "reduce": {
      const { kernels: [first, second], partial } = reduce(step);
      const reads = step.reads.map(whole);
      if (second === undefined) return [{ kernel: first!, blocks: [...reads, whole(step.output)] }];
      const scratch = { block: { scratch: 0 } as Block, offset: 0, bytes: 4 * partial };
      return [
        { kernel: first!, blocks: [...reads, scratch] },
        { kernel: second, blocks: [scratch, whole(step.output)] },
      ];
    }
    case "kernel":
      return lowerNode(step, target, whole);
  }
}

function lowerNode(
  step: Step & { kind: "kernel" },
  target: Target,
  whole: (value: Value) => Call["blocks"][number],
): Call[] {
  const { node, epilogue } = step;
  const { lowering } = node.op;
  if (lowering.kind !== "kernel") throw new TypeError(`Cannot lower ${node.op.name} as it has no kernels`);
  const calls: readonly KernelCall[] = lowering.lower({
    inputs: node.inputs,
    outputs: node.outputs,
    attrs: node.attrs,
    target,
    epilogue,
  });
  const scratch = new Map<number, Block>();
  const blockFor = (operand: Operand): Call["blocks"][number] => {
    switch (operand.kind) {
      case "input": {
        const { value, offset } = step.inputs[operand.index]! as Stored;
        return { block: value, offset: 4 * offset, bytes: bytesOf(node.inputs[operand.index]!) };
      }
      case "output":
        return whole(step.outputs[operand.index]!);
      case "epilogue":
        return whole(step.reads[operand.index]!);
      case "scratch": {
        if (!scratch.has(operand.index)) scratch.set(operand.index, { scratch: operand.index });
        return { block: scratch.get(operand.index)!, offset: 0, bytes: 4 * operand.floats };
      }
    }
  };
  return calls.map(({ kernel, operands }) => ({ kernel, blocks: operands.map(blockFor) }));
}

/** For every output computed in place, the input whose memory it takes over. */
function inPlaceHomes(steps: readonly Step[]): ReadonlyMap<Value, Value> {
  const homes = new Map<Value, Value>();
  for (const step of steps) {
    if (step.kind !== "kernel" || step.node.op.lowering.kind !== "kernel") continue;
    step.node.op.lowering.inPlace?.forEach((from, i) =>
      homes.set(step.outputs[i]!, step.inputs[from]!.value)
    );
  }
  return homes;
}

/** Refuses plans in which a value is read after another has been computed in its place. */
function checkOverwrites(
  calls: readonly Call[],
  homes: ReadonlyMap<Value, Value>,
  names: ReadonlyMap<Value, string>,
): void {
  const written = new Map<Value, number>();
  for (const [output, source] of homes) {
    const at = calls.findIndex(({ blocks }) =>
      blocks.some(({ block }) => block === source || block === output)
    );
    const last = calls.findLastIndex(({ kernel, blocks }) =>
      blocks.some(({ block }, i) => block === source && kernel.bindings[i] === "read_write")
    );
    written.set(source, Math.max(at, last));
  }
  for (const [source, at] of written) {
    if (calls.slice(at + 1).some(({ blocks }) => blocks.some(({ block }) => block === source))) {
      throw new TypeError(
        `Cannot plan the graph as ${names.get(source) ?? "a value"} is read after it was updated in place`,
      );
    }
  }
}

/** The smallest free slot that holds so many bytes, else the largest grown, else a new one. */
function takeSlot(slots: number[], free: Set<number>, bytes: number): number {
  const candidates = [...free].sort((a, b) => slots[a]! - slots[b]!);
  const index = candidates.find((slot) => slots[slot]! >= bytes) ?? candidates.at(-1) ?? slots.length;
  free.delete(index);
  slots[index] = Math.max(slots[index] ?? 0, Math.ceil(bytes / 256) * 256);
  return index;
}

function bytesOf({ shape }: { readonly shape: readonly number[] }): number {
  return Math.max(4 * size(shape), 4);
}

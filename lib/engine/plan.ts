/**
 * Plans: which kernels run in which order, and which memory each of them uses.
 *
 * Memory is planned before any is allocated. Values that do not live at the same time share a slot; no slot is both read and
 * written by one kernel.
 * @module
 */

import { size } from "../core/tensor.ts";
import type { Kernel, Target } from "../../kernels/kernel.ts";
import { type Block, type Call, lowerSteps, type TileChoices } from "./calls.ts";
import { fuse, type Fused } from "./fuse.ts";
import type { Graph, Value } from "./graph.ts";
import { type Homes, homesOf } from "./homes.ts";
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
  /** Slots that are zero before the first run, and no other value's later. */
  readonly zeroed: readonly number[];
  readonly outputs: Readonly<Record<string, Place>>;
}

/** Plans a graph for an adapter. */
export function plan(graph: Graph, target: Target): Plan {
  return planSteps(graph, fuse(simplify(graph)), target);
}

/**
 * Plans the steps of a graph.
 *
 * @param tiles A tuner's choices.
 */
export function planSteps(
  graph: Graph,
  { steps, outputs }: Fused,
  target: Target,
  tiles: TileChoices = new Map(),
): Plan {
  const inputs = new Map(Object.entries(graph.inputs).map(([name, value]) => [value, name]));
  const homes = homesOf(steps, outputs);
  const calls = lowerSteps(steps, homes, target, tiles);
  checkOverwrites(calls, homes, inputs);

  const lastUse = new Map<Block, number>();
  calls.forEach(({ blocks }, i) => blocks.forEach(({ block }) => lastUse.set(homes.of(block).block, i)));
  const forever = [...Object.values(outputs).map(({ value }) => value), ...homes.collected];
  forever.forEach((value) => lastUse.set(homes.of(value).block, Infinity));

  const slots: number[] = [];
  const free = new Set<number>();
  const memories = new Map<Block, Memory>();
  const placeOf = (block: Block, offset: number, bytes: number): Place => {
    const home = homes.of(block);
    if (!memories.has(home.block)) {
      const name = inputs.get(home.block as Value);
      const needed = home.block === block ? bytes : bytesOf(home.block as Value);
      memories.set(
        home.block,
        name !== undefined ? { kind: "input", name } : {
          kind: "slot",
          index: homes.collected.has(home.block as Value)
            ? newSlot(slots, needed)
            : takeSlot(slots, free, needed),
        },
      );
    }
    return { memory: memories.get(home.block)!, offset: home.offset + offset, bytes };
  };
  const dispatches = calls.map(({ kernel, blocks }, i): Dispatch => {
    const places = blocks.map(({ block, offset, bytes }) => placeOf(block, offset, bytes));
    blocks.forEach(({ block }, n) => {
      const { memory } = places[n]!;
      if (memory.kind === "slot" && lastUse.get(homes.of(block).block) === i) free.add(memory.index);
    });
    return { kernel, places };
  });
  const results = Object.entries(outputs).map(([name, { value, offset }]): [string, Place] => [
    name,
    placeOf(value, 4 * offset, bytesOf(graph.outputs[name]!)),
  ]);
  const zeroed = [...homes.collected].map((value) => placeOf(value, 0, bytesOf(value)).memory)
    .flatMap((memory) => memory.kind === "slot" ? [memory.index] : []);
  return { dispatches, slots, zeroed, outputs: Object.fromEntries(results) };
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

/** Bytes that a value takes; never none. */
function bytesOf({ shape }: { readonly shape: readonly number[] }): number {
  return Math.max(4 * size(shape), 4);
}

/** Refuses plans in which a value is read after another has been computed in its place. */
function checkOverwrites(calls: readonly Call[], homes: Homes, inputs: ReadonlyMap<Value, string>): void {
  for (const value of homes.overwritten) {
    const uses = ({ blocks }: Call) => blocks.some(({ block }) => block === value);
    const writes = ({ kernel, blocks }: Call) =>
      blocks.some(({ block }, i) => block === value && kernel.bindings[i] === "read_write");
    if (calls.findLastIndex(uses) > calls.findIndex(writes)) {
      throw new TypeError(
        `Cannot plan the graph as ${inputs.get(value) ?? "a value"} is read after it was updated in place`,
      );
    }
  }
}

/** The smallest free slot that holds so many bytes, else the largest grown, else a new one. */
function takeSlot(slots: number[], free: Set<number>, bytes: number): number {
  const candidates = [...free].sort((a, b) => slots[a]! - slots[b]!);
  const index = candidates.find((slot) => slots[slot]! >= bytes) ?? candidates.at(-1);
  if (index === undefined) return newSlot(slots, bytes);
  free.delete(index);
  slots[index] = Math.max(slots[index]!, rounded(bytes));
  return index;
}

function newSlot(slots: number[], bytes: number): number {
  return slots.push(rounded(bytes)) - 1;
}

function rounded(bytes: number): number {
  return Math.ceil(bytes / 256) * 256;
}

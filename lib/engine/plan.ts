/**
 * Plans: which kernels run in which order, and which memory each of them uses.
 *
 * Memory is planned before any is allocated. Values that do not live at the same time share a slot; no slot is both read and
 * written by one kernel.
 * @module
 */

import { sameShape, type TensorType } from "../core/tensor.ts";
import type { Kernel, Target } from "../../kernels/kernel.ts";
import { type BlockPart, type Call, lowerSteps, spaceOf, type TileChoices } from "./calls.ts";
import { fuse } from "./fuse.ts";
import type { Graph, Value } from "./graph.ts";
import { type Block, checkUpdates, type Homes, homesOf } from "./homes.ts";
import { schedule } from "./schedule.ts";
import { simplify } from "./simplify.ts";
import { assignSlots, type Lifetime } from "./slots.ts";
import type { Fused, Stored } from "./steps.ts";

/** Memory of a plan: an input of the graph, or a slot of the plan's own. */
export type Memory =
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "slot"; readonly index: number };

/** A part of memory, from an offset on. */
export interface Place {
  /** Whose part. */
  readonly memory: Memory;
  /** In bytes, a multiple of 256. */
  readonly offset: number;
  /** In bytes. */
  readonly bytes: number;
}

/** Where a result is after a run. */
export interface Result extends Place {
  /** The input that the graph has turned into this result where it lay; `null`: the result is to be copied. */
  readonly updates: string | null;
}

/** One kernel and the places its bindings are bound to. */
export interface Dispatch {
  /** The kernel. */
  readonly kernel: Kernel;
  /** One for each binding. */
  readonly places: readonly Place[];
}

/** Everything that is to be done for a graph. */
export interface Plan {
  /** The kernels in their order. */
  readonly dispatches: readonly Dispatch[];
  /** Bytes of every slot. */
  readonly slots: readonly number[];
  /** Slots that are zero before the first run, and no other value's later. */
  readonly zeroed: readonly number[];
  /** The results by name. */
  readonly outputs: Readonly<Record<string, Result>>;
}

/**
 * Plans a graph for an adapter.
 *
 * @throws {TypeError} If a value is read after it was updated in place, or an input is not the graph's own.
 */
export function plan(graph: Graph, target: Target): Plan {
  return planSteps(graph, fuse(simplify(graph)), target);
}

/**
 * Plans the steps of a graph.
 *
 * @param tiles A tuner's choices.
 * @throws {TypeError} If a value is read after it was updated in place.
 */
export function planSteps(
  graph: Graph,
  fused: Fused,
  target: Target,
  tiles: TileChoices = new Map(),
): Plan {
  const names = new Map<Block, string>(Object.entries(graph.inputs).map(([name, value]) => [value, name]));
  const homes = homesOf(fused);
  const { steps, outputs } = schedule(fused, homes);
  checkUpdates({ steps, outputs }, (value) => names.get(value) ?? `a result of ${value.node.op.name}`);
  const calls = lowerSteps(steps, homes, target, tiles);
  const lifetimes = lifetimesOf(calls, Object.values(outputs).map(({ value }) => value), homes);
  for (const input of names.keys()) lifetimes.delete(input);
  const slots = assignSlots([...lifetimes.values()]);
  const memories = new Map<Block, Memory>();
  names.forEach((name, block) => memories.set(block, { kind: "input", name }));
  [...lifetimes.keys()].forEach((block, i) => memories.set(block, { kind: "slot", index: slots.of[i]! }));
  const placeOf = ({ block, offset, bytes }: BlockPart): Place => {
    const home = homes.of(block);
    return { memory: memories.get(home.block)!, offset: home.offset + offset, bytes };
  };
  const resultOf = (name: string, { value, offset }: Stored): Result => {
    const type = graph.outputs[name]!;
    const place = placeOf({ block: value, offset: 4 * offset, bytes: spaceOf(type) });
    return { ...place, updates: updatedInput(graph, type, value, place) };
  };
  const zeroed = [...homes.collected].map((block) => memories.get(homes.of(block).block)!)
    .flatMap((memory) => memory.kind === "slot" ? [memory.index] : []);
  return {
    dispatches: calls.map(({ kernel, blocks }) => ({ kernel, places: blocks.map(placeOf) })),
    slots: slots.bytes,
    zeroed: [...new Set(zeroed)],
    outputs: Object.fromEntries(
      Object.entries(outputs).map(([name, stored]) => [name, resultOf(name, stored)]),
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

/** When each block of memory is in use. Results stay for ever; what others are gathered into is nobody else's ever. */
function lifetimesOf(calls: readonly Call[], results: readonly Value[], homes: Homes): Map<Block, Lifetime> {
  const lifetimes = new Map<Block, Lifetime>();
  const extend = (block: Block, bytes: number, first: number, last: number) => {
    const home = homes.of(block).block;
    const known = lifetimes.get(home);
    lifetimes.set(home, {
      bytes: "shape" in home ? spaceOf(home) : bytes,
      first: Math.min(first, known?.first ?? first),
      last: Math.max(last, known?.last ?? last),
    });
  };
  calls.forEach(({ blocks }, i) => blocks.forEach(({ block, bytes }) => extend(block, bytes, i, i)));
  for (const value of results) extend(value, spaceOf(value), Infinity, Infinity);
  for (const block of homes.collected) extend(block, 0, -Infinity, Infinity);
  return lifetimes;
}

/** The input that a result took the place of, if it is that input's match in every respect. */
function updatedInput(graph: Graph, { shape }: TensorType, value: Value, place: Place): string | null {
  if (place.memory.kind !== "input" || place.offset !== 0) return null;
  const input = graph.inputs[place.memory.name]!;
  return value !== input && sameShape(input.shape, shape) ? place.memory.name : null;
}

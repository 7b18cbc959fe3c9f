/**
 * Fusion: from a graph to the steps that will be kernels.
 *
 * Elementwise ops and views are not computed where they stand. Each becomes an expression that whoever reads it writes out
 * in its own kernel: another elementwise kernel, a reduction's loop, or the epilogue of the gemm whose result it continues.
 * A value is stored where a result of the graph or an op with kernels of its own needs it, where writing it out again would
 * repeat work, and where a kernel would grow too large. What is stored is read, never computed again.
 * @module
 */

import { size } from "../core/tensor.ts";
import { absorbEpilogues } from "./epilogues.ts";
import { type Attrs, type Graph, type Node, topological, type Value } from "./graph.ts";
import {
  combine,
  contiguous,
  expressionOf,
  filled,
  type Lazy,
  placeOf,
  sameLayout,
  stored,
  viewed,
} from "./lazy.ts";
import type { Lowering } from "./lowering.ts";
import type { Fused, Step, Stored } from "./steps.ts";
import { storeHalves } from "./store_halves.ts";

/** Buffers a kernel may read; WebGPU guarantees eight bindings, one of them is written. */
const MOST_READS = 7;
/** Instructions of a fused kernel at the most. */
const MOST_CODE = 64;
/** Instructions that may be written out in more than one kernel. */
const CHEAP_CODE = 16;

/** What is known while a graph is fused. */
interface Fusion {
  /** The steps so far. */
  readonly steps: Step[];
  /** Every value so far. */
  readonly known: Map<Value, Lazy>;
  /** How many nodes read each value. */
  readonly consumers: ReadonlyMap<Value, number>;
}

type LoweringOf<K> = Lowering<Attrs> & { readonly kind: K };

/**
 * Turns a graph into steps.
 *
 * @throws {TypeError} If the graph reads an input that is not its own.
 */
export function fuse(graph: Graph): Fused {
  const nodes = topological(Object.values(graph.outputs));
  checkInputs(graph, nodes);
  const needed = neededInMemory(graph, nodes);
  const fusion: Fusion = { steps: [], known: new Map(), consumers: countConsumers(nodes) };
  for (const node of nodes) {
    fuseNode(node, fusion);
    for (const value of node.outputs) if (needed.has(value)) place(value, fusion);
  }
  const outputs = Object.entries(graph.outputs).map(([name, value]) => [name, place(value, fusion)]);
  return storeHalves(absorbEpilogues({ steps: fusion.steps, outputs: Object.fromEntries(outputs) }));
}

function fuseNode(node: Node, fusion: Fusion): void {
  const { op: { lowering }, inputs, attrs, outputs } = node;
  const { known, steps } = fusion;
  const [output] = outputs as readonly [Value];
  switch (lowering.kind) {
    case "input":
      known.set(output, stored(output));
      break;
    case "constant":
      known.set(output, filled(output.shape, attrs.value as number));
      break;
    case "identity":
      outputs.forEach((value, i) => known.set(value, read(inputs[i]!, fusion)));
      break;
    case "elementwise":
      known.set(output, computed(node, lowering, fusion));
      break;
    case "view":
      known.set(output, seen(node, lowering, fusion));
      break;
    case "reduce": {
      const { how, axes } = lowering;
      const lazy = how === "max" ? compared(inputs[0]!, fusion) : read(inputs[0]!, fusion);
      steps.push({ kind: "reduce", ...written(lazy), output, how, axes: axes(attrs) });
      known.set(output, stored(output));
      break;
    }
    case "kernel": {
      const places = inputs.map((value) => place(value, fusion));
      steps.push({ kind: "kernel", node, inputs: places, epilogue: null, reads: [], outputs });
      outputs.forEach((value) => known.set(value, stored(value)));
      break;
    }
  }
}

/** An elementwise op over its operands' expressions; the largest are stored until it fits a kernel. */
function computed({ inputs, outputs }: Node, { fn }: LoweringOf<"elementwise">, fusion: Fusion): Lazy {
  const { shape } = outputs[0]!;
  const weigh = (value: Value) => weight(fusion.known.get(value)!);
  while (true) {
    const operands = inputs.map((value) => read(value, fusion));
    const lazy = combine(shape, operands, (args) => ({ fn, args }));
    if (lazy.reads.length <= MOST_READS && lazy.code.length <= MOST_CODE) return lazy;
    store(inputs.reduce((a, b) => weigh(b) > weigh(a) ? b : a), fusion);
  }
}

/** A view of its operand's expression; the operand is stored where that would repeat work, or strides cannot say it. */
function seen({ inputs, attrs, outputs }: Node, { view }: LoweringOf<"view">, fusion: Fusion): Lazy {
  const [from] = inputs as readonly [Value];
  const { shape } = outputs[0]!;
  const through = (lazy: Lazy) => viewed(lazy, shape, (layout) => view(layout, from.shape, attrs, shape));
  const lazy = read(from, fusion);
  const repeats = size(shape) > size(from.shape) && lazy.code.length > 0 && lazy.reads.length > 0;
  return (repeats ? null : through(lazy)) ?? through(store(from, fusion))!;
}

/** The expression of a value, stored first if someone else reads it too and it is dear, or takes less memory than what it is made of. */
function read(value: Value, fusion: Fusion): Lazy {
  const lazy = fusion.known.get(value)!;
  const isStored = lazy.code.length > CHEAP_CODE || lazy.code.at(-1)?.fn === "half";
  return isStored && fusion.consumers.get(value)! > 1 ? store(value, fusion) : lazy;
}

/**
 * The expression of a value that others compare with its maximum: they have to read the same bits, and compilers may round an
 * expression differently in each kernel.
 */
function compared(value: Value, fusion: Fusion): Lazy {
  const lazy = fusion.known.get(value)!;
  return lazy.code.length > 0 && fusion.consumers.get(value)! > 1 ? store(value, fusion) : lazy;
}

/** Where a value lies, contiguous and aligned for a binding; it is stored if it is not. */
function place(value: Value, fusion: Fusion): Stored {
  const known = placeOf(fusion.known.get(value)!);
  if (known !== null) return known;
  store(value, fusion);
  return { value, offset: 0 };
}

/** Makes sure a value lies in memory, and forgets how it was computed. */
function store(value: Value, { steps, known }: Fusion): Lazy {
  const after = stored(value);
  steps.push({ kind: "elementwise", ...written(known.get(value)!), output: value });
  known.set(value, after);
  return after;
}

function written(lazy: Lazy): Pick<Step & { kind: "elementwise" }, "expression" | "reads"> {
  return { expression: expressionOf(lazy), reads: lazy.reads.map(({ value }) => value) };
}

/** How much a kernel is relieved of by storing a value; least where it is stored already. */
function weight({ reads, code }: Lazy): number {
  return code.length === 0 ? 0 : 100 * reads.length + code.length;
}

/** How often each value is read. */
function countConsumers(nodes: readonly Node[]): ReadonlyMap<Value, number> {
  const counts = new Map<Value, number>();
  for (const { inputs } of nodes) for (const value of inputs) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** The values that a result or an op with kernels of its own reads, but for a change of shape. */
function neededInMemory(graph: Graph, nodes: readonly Node[]): ReadonlySet<Value> {
  const readers = nodes.filter(({ op }) => op.lowering.kind === "kernel").flatMap(({ inputs }) => inputs);
  return new Set([...readers, ...Object.values(graph.outputs)].map((value) => {
    let root = value;
    while (isRenaming(root.node)) root = root.node.inputs[root.index]!;
    return root;
  }));
}

/** Whether a node leaves its operands where they lie. */
function isRenaming({ op: { lowering }, inputs, attrs, outputs }: Node): boolean {
  if (lowering.kind !== "view") return lowering.kind === "identity";
  const [{ shape: from }, { shape: to }] = [inputs[0]!, outputs[0]!];
  const layout = lowering.view(contiguous(from), from, attrs, to);
  return size(from) === size(to) && layout !== null && sameLayout(to, layout, contiguous(to));
}

function checkInputs(graph: Graph, nodes: readonly Node[]): void {
  const own = new Set(Object.values(graph.inputs));
  const foreign = nodes.find(({ op, outputs }) => op.lowering.kind === "input" && !own.has(outputs[0]!));
  if (foreign !== undefined) {
    throw new TypeError(
      `Cannot plan the graph as it reads ${foreign.attrs.name}, which is none of its inputs`,
    );
  }
}

/**
 * Graphs: what a pure function over symbolic values traces to.
 *
 * A value is one output of a node; a node applies an op to values. Nodes are immutable and link to their inputs,
 * so an expression *is* its graph and tracing needs no hidden state.
 * @module
 */

import type { DType, Shape, Tensor, TensorType } from "../core/tensor.ts";
import { showShape } from "../core/tensor.ts";
import type { Lowering } from "./lowering.ts";

/** Static settings of a node: plain data, known when tracing. */
export type Attrs = Readonly<Record<string, unknown>>;

/** One output of a node. */
export interface Value extends TensorType {
  /** The node that computes it. */
  readonly node: Node;
  /** Which of the node's outputs it is. */
  readonly index: number;
}

/** One application of an op. */
export interface Node {
  /** What is computed. */
  readonly op: OpDef;
  /** From what. */
  readonly inputs: readonly Value[];
  /** With which settings. */
  readonly attrs: Attrs;
  /** The results. */
  readonly outputs: readonly Value[];
}

/** Everything the engine knows of an op, in one record. */
export interface OpDef<A extends Attrs = Attrs> {
  /** A unique name. */
  readonly name: string;
  /** Types of the outputs, or an error with the shapes that do not fit. */
  infer(inputs: readonly TensorType[], attrs: A): readonly TensorType[];
  /** The op on the CPU, written for clarity: the oracle of the GPU's kernel. */
  reference(inputs: readonly Tensor[], attrs: A): readonly Tensor[];
  /**
   * Cotangents of the inputs from those of the outputs (`null`: none reached it, or none is wanted).
   *
   * `wanted[i]` tells whether input `i` leads to a differentiated value; a rule may skip the others.
   */
  vjp(
    cts: readonly (Value | null)[],
    inputs: readonly Value[],
    outputs: readonly Value[],
    attrs: A,
    wanted: readonly boolean[],
  ): readonly (Value | null)[];
  /** How the op runs on the GPU. */
  readonly lowering: Lowering<A>;
}

/** A traced function. */
export interface Graph {
  /** Arguments by name. */
  readonly inputs: Readonly<Record<string, Value>>;
  /** Results by name. */
  readonly outputs: Readonly<Record<string, Value>>;
}

/**
 * Applies an op and returns all its outputs.
 *
 * @throws {TypeError} If the shapes or types do not fit the op.
 */
export function applyAll<A extends Attrs>(
  op: OpDef<A>,
  inputs: readonly Value[],
  attrs: A,
): readonly Value[] {
  const outputs: Value[] = [];
  const node: Node = { op: op as unknown as OpDef, inputs, attrs, outputs };
  op.infer(inputs, attrs).forEach((type, index) => outputs.push({ ...type, node, index }));
  return outputs;
}

/** Applies an op of one output. */
export function apply<A extends Attrs>(op: OpDef<A>, inputs: readonly Value[], attrs: A): Value {
  return applyAll(op, inputs, attrs)[0]!;
}

/** An argument of a graph. */
export function input(name: string, shape: Shape, dtype: DType = "f32"): Value {
  return apply(inputOp, [], { name, shape, dtype });
}

/** A constant filled with one number; folded into the kernels that read it. */
export function constant(value: number, shape: Shape = []): Value {
  return apply(constantOp, [], { value, shape });
}

/**
 * Traces a pure function of named values.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { trace } from "@attune/attune";
 * import { mul, showGraph } from "@attune/attune/engine";
 *
 * const graph = trace(({ x }) => ({ y: mul(x, x) }), { x: { shape: [3], dtype: "f32" } });
 * assertEquals(
 *   showGraph(graph),
 *   `%0: f32[3] = input() {"name":"x","shape":[3],"dtype":"f32"}
 * %1: f32[3] = mul(%0, %0)
 * return { y: %1 }`,
 * );
 * ```
 *
 * @param fn From named values to named values.
 * @param types Types of the inputs; tensors serve as well.
 */
export function trace<I extends string>(
  fn: (inputs: Readonly<Record<I, Value>>) => Readonly<Record<string, Value>>,
  types: Readonly<Record<I, TensorType>>,
): Graph {
  const inputs = Object.fromEntries(
    Object.entries<TensorType>(types).map(([name, { shape, dtype }]) => [name, input(name, shape, dtype)]),
  ) as Record<I, Value>;
  return { inputs, outputs: fn(inputs) };
}

/** The nodes that the values need, every node after those it reads. */
export function topological(values: Iterable<Value>): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack: { node: Node; next: number }[] = [];
  for (const { node } of values) {
    if (seen.has(node)) continue;
    seen.add(node);
    stack.push({ node, next: 0 });
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      if (top.next === top.node.inputs.length) {
        order.push(top.node);
        stack.pop();
        continue;
      }
      const child = top.node.inputs[top.next++]!.node;
      if (!seen.has(child)) {
        seen.add(child);
        stack.push({ node: child, next: 0 });
      }
    }
  }
  return order;
}

/** Prints a graph, one node a line, for snapshot tests and curious readers. */
export function showGraph(graph: Graph): string {
  const names = new Map<Value, string>();
  const lines: string[] = [];
  for (const node of topological(Object.values(graph.outputs))) {
    node.outputs.forEach((value) => names.set(value, `%${names.size}`));
    const args = node.inputs.map((value) => names.get(value)).join(", ");
    const types = node.outputs.map((v) => `${names.get(v)}: ${v.dtype}${showShape(v.shape)}`).join(", ");
    const attrs = Object.keys(node.attrs).length > 0 ? ` ${JSON.stringify(node.attrs)}` : "";
    lines.push(`${types} = ${node.op.name}(${args})${attrs}`);
  }
  const results = Object.entries(graph.outputs).map(([name, value]) => `${name}: ${names.get(value)}`);
  return [...lines, `return { ${results.join(", ")} }`].join("\n");
}

/** A type error about the operands of an op, with every shape in it. */
export function shapeError(op: string, problem: string, inputs: readonly TensorType[]): TypeError {
  const shapes = inputs.map(({ dtype, shape }) => `${dtype}${showShape(shape)}`).join(", ");
  return new TypeError(`Cannot apply ${op} as ${problem}: ${shapes}`);
}

/** The op behind {@linkcode input}. */
export const inputOp: OpDef<{ name: string; shape: Shape; dtype: DType }> = {
  name: "input",
  infer: (_, { shape, dtype }) => [{ shape, dtype }],
  reference: (_, { name }) => {
    throw new TypeError(`Cannot run the graph as its input ${name} was not given`);
  },
  vjp: () => [],
  lowering: { kind: "input" },
};

/** The op behind {@linkcode constant}. */
export const constantOp: OpDef<{ value: number; shape: Shape }> = {
  name: "constant",
  infer: (_, { shape }) => [{ shape, dtype: "f32" }],
  reference: (_, { value, shape }) => [
    { shape, dtype: "f32", data: new Float32Array(shape.reduce((n, d) => n * d, 1)).fill(value) },
  ],
  vjp: () => [],
  lowering: { kind: "constant" },
};

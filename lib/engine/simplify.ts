/**
 * Common subexpressions: equal nodes become one, and what nothing needs or does nothing is left behind.
 * @module
 */

import { applyAll, type Graph, topological, type Value } from "./graph.ts";

/** Rebuilds a graph with each computation in it once. */
export function simplify(graph: Graph): Graph {
  const replacements = new Map<Value, Value>(Object.values(graph.inputs).map((value) => [value, value]));
  const numbers = new Map<Value, number>();
  const known = new Map<string, readonly Value[]>();
  const number = (value: Value) => {
    if (!numbers.has(value)) numbers.set(value, numbers.size);
    return numbers.get(value)!;
  };
  for (const node of topological(Object.values(graph.outputs))) {
    if (node.outputs.every((value) => replacements.has(value))) continue;
    const inputs = node.inputs.map((value) => replacements.get(value)!);
    const { lowering } = node.op;
    if (lowering.kind === "identity" && !lowering.waits) {
      node.outputs.forEach((value, i) => replacements.set(value, inputs[i]!));
      continue;
    }
    const signature = `${node.op.name} ${inputs.map(number).join()} ${JSON.stringify(node.attrs)}`;
    const same = known.get(signature) ??
      (inputs.every((value, i) => value === node.inputs[i])
        ? node.outputs
        : applyAll(node.op, inputs, node.attrs));
    known.set(signature, same);
    node.outputs.forEach((value, i) => replacements.set(value, same[i]!));
  }
  const outputs = Object.entries(graph.outputs).map(([name, value]) => [name, replacements.get(value)!]);
  return { inputs: graph.inputs, outputs: Object.fromEntries(outputs) };
}

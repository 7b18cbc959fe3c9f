/**
 * Random graphs made of the rows of the op table: each row reads what earlier ones computed, seen in the shape it wants.
 * @module
 */

import { fold, key } from "../../lib/core/random.ts";
import { type Shape, size, type Tensor } from "../../lib/core/tensor.ts";
import {
  abs,
  add,
  broadcast,
  constant,
  type Graph,
  input,
  pullback,
  reshape,
  slice,
  tanh,
  type Value,
} from "../../lib/engine/mod.ts";
import { opCases, operandsOf, type Pick, picker } from "./op_cases.ts";

/** A graph and values for its inputs. */
export interface RandomGraph {
  /** Outputs `y0`, `y1`, …, and the gradients `d x0`, `d x1`, … where they were asked for. */
  readonly graph: Graph;
  /** Values by the names of its inputs. */
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** The seed and the rows, to be named where something fails. */
  readonly what: string;
}

/** Rows whose values and gradients change by little where their operands do. */
const rows = opCases.filter(({ smooth = true, hasKinks = false }) => smooth && !hasKinks);

/** Makes a graph of so many rows, with the gradient of its results by its inputs or without. */
export function randomGraph(seed: number, length: number, hasGradient = true): RandomGraph {
  const pick = picker(fold(key(seed), "choices"));
  const inputs: Record<string, Tensor> = {};
  const values: Value[] = [];
  const give = (operand: Tensor): Value => {
    const name = `x${Object.keys(inputs).length}`;
    inputs[name] = operand;
    return input(name, operand.shape, operand.dtype);
  };
  const given: Value[] = [];
  for (let i = 0; i < 2; i++) {
    const [x] = operandsOf(
      { name: "", operands: (p) => [[p(2, 4), p(3, 9)]], fn: () => [] },
      fold(key(seed), i),
    );
    given.push(give(x!));
    values.push(given.at(-1)!);
  }
  const chosen = Array.from({ length }, () => rows[pick(0, rows.length - 1)]!);
  for (const row of chosen) {
    // Every row has shapes of its own that stay the same: software adapters compile a kernel in a tenth of a second.
    const operands = operandsOf(row, key(0)).map((operand): Value => {
      if (operand.dtype === "u32") {
        given.push(give(operand));
        return given.at(-1)!;
      }
      const value = fit(values[pick(0, values.length - 1)]!, operand.shape, pick);
      return row.positive ? add(abs(add(value, 2)), 0.5) : value;
    });
    // Kept small, so that the next rows do not blow up rounding.
    values.push(...[row.fn(...operands)].flat().map(tanh));
  }
  const ys = [values.at(-1)!, values[pick(2, values.length - 1)]!, values[pick(2, values.length - 1)]!];
  const xs = hasGradient ? given.filter(({ dtype }) => dtype === "f32") : [];
  const gradients = pullback(ys, ys.map(({ shape }) => broadcast(constant(1), shape)), xs);
  return {
    graph: {
      inputs: Object.fromEntries(given.map((x) => [x.node.attrs.name, x])),
      outputs: Object.fromEntries([
        ...ys.map((y, i) => [`y${i}`, y]),
        ...xs.map((x, i) => [`d ${x.node.attrs.name}`, gradients[i]]),
      ]),
    },
    inputs,
    what: `seed ${seed}: ${chosen.map(({ name }) => name).join("; ")}`,
  };
}

/** Some elements of a value, or all of them again and again, in another shape. */
function fit(value: Value, shape: Shape, pick: Pick): Value {
  const [have, want] = [size(value.shape), size(shape)];
  const flat = reshape(value, [have]);
  const copies = Math.ceil(want / have);
  const enough = copies === 1 ? flat : reshape(broadcast(flat, [copies, have]), [copies * have]);
  const start = pick(0, copies * have - want);
  return reshape(slice(enough, 0, start, start + want), shape);
}

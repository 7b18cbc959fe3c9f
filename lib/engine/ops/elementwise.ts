/**
 * Elementwise ops: one record for each function of `kernels/functions.ts`, its gradient beside it.
 * @module
 */

import { sameShape, type Shape, size, type Tensor, tensor } from "../../core/tensor.ts";
import { type FunctionName, functions } from "../../../kernels/functions.ts";
import { apply, type Attrs, constant, type OpDef, shapeError, type Value } from "../graph.ts";
import { broadcast } from "./views.ts";

/** What an elementwise function accepts: a value, or a number for all elements. */
export type ValueOrNumber = Value | number;

/** A function of one value, element by element. */
export type Unary = (x: Value) => Value;

/** A function of two operands, element by element; they broadcast as in numpy. */
export type Binary = (a: ValueOrNumber, b: ValueOrNumber) => Value;

/** `a + b`. */
export const add: Binary = binary("add", (ct) => [ct, ct]);
/** `a - b`. */
export const sub: Binary = binary("sub", (ct) => [ct, neg(ct)]);
/** `a * b`. */
export const mul: Binary = binary("mul", (ct, [a, b]) => [mul(ct, b), mul(ct, a)]);
/** `a / b`. */
export const div: Binary = binary("div", (ct, [a, b]) => [div(ct, b), neg(div(mul(ct, a), mul(b, b)))]);
/** The smaller of two; where they are equal the gradient goes to `a`. */
export const min: Binary = binary("min", (ct, [a, b]) => {
  const later = greater(a, b);
  return [where(later, 0, ct), where(later, ct, 0)];
});
/** The larger of two; where they are equal the gradient goes to `a`. */
export const max: Binary = binary("max", (ct, [a, b]) => {
  const later = greater(b, a);
  return [where(later, 0, ct), where(later, ct, 0)];
});
/** 1 where `a > b`, else 0; no gradient. */
export const greater: Binary = binary("greater", () => [null, null]);
/** 1 where `a == b`, else 0; no gradient. */
export const equal: Binary = binary("equal", () => [null, null]);

/** `-x`. */
export const neg: Unary = unary("neg", (ct) => neg(ct));
/** `|x|`. */
export const abs: Unary = unary("abs", (ct, x) => mul(ct, sign(x)));
/** -1, 0 or 1; no gradient. */
export const sign: Unary = unary("sign", () => null);
/** The largest integer not above; no gradient. */
export const floor: Unary = unary("floor", () => null);
/** The nearest integer, of two the even one; no gradient. */
export const round: Unary = unary("round", () => null);
/** `e^x`. */
export const exp: Unary = unary("exp", (ct, _, y) => mul(ct, y));
/** The natural logarithm. */
export const log: Unary = unary("log", (ct, x) => div(ct, x));
/** The square root. */
export const sqrt: Unary = unary("sqrt", (ct, _, y) => div(mul(ct, 0.5), y));
/** The sine. */
export const sin: Unary = unary("sin", (ct, x) => mul(ct, cos(x)));
/** The cosine. */
export const cos: Unary = unary("cos", (ct, x) => neg(mul(ct, sin(x))));
/** The hyperbolic tangent. */
export const tanh: Unary = unary("tanh", (ct, _, y) => mul(ct, sub(1, mul(y, y))));
/** `1 / (1 + e^-x)`. */
export const sigmoid: Unary = unary("sigmoid", (ct, _, y) => mul(ct, mul(y, sub(1, y))));
/** The error function. */
export const erf: Unary = unary("erf", (ct, x) => mul(ct, mul(2 / Math.sqrt(Math.PI), exp(neg(mul(x, x))))));
/** The value itself, stored anew. */
export const copy: Unary = unary("copy", (ct) => ct);

/** `a` where the condition is not 0, else `b`; the condition has no gradient. */
export function where(condition: ValueOrNumber, a: ValueOrNumber, b: ValueOrNumber): Value {
  return apply(whereOp, together("where", [condition, a, b]), {});
}

/** `x²`. */
export function square(x: Value): Value {
  return mul(x, x);
}

/** `max(x, 0)`. */
export function relu(x: Value): Value {
  return max(x, 0);
}

/** `x σ(x)`, also called swish. */
export function silu(x: Value): Value {
  return mul(x, sigmoid(x));
}

/** `x Φ(x)`, with the exact error function. */
export function gelu(x: Value): Value {
  return mul(mul(x, 0.5), add(1, erf(mul(x, Math.SQRT1_2))));
}

/** `x σ(1.702 x)`, the approximation of gelu in the first CLIP models. */
export function quickGelu(x: Value): Value {
  return mul(x, sigmoid(mul(x, 1.702)));
}

/** `x` kept within `[low, high]`. */
export function clamp(x: Value, low: number, high: number): Value {
  return min(max(x, low), high);
}

/**
 * The nearest half-precision number, ties to even; beyond 65504 an infinity. The gradient goes through as if nothing were rounded.
 * What it returns can lie in half the memory wherever its last extent is a multiple of 4.
 */
export const half: Unary = unary("half", (ct) => ct);

type Gradient = (
  ct: Value,
  inputs: readonly [Value, Value],
  output: Value,
) => readonly [Value | null, Value | null];

function binary(fn: FunctionName, gradient: Gradient): Binary {
  const op = elementwise(fn, (ct, inputs, output) => gradient(ct, inputs as [Value, Value], output));
  return (a, b) => apply(op, together(fn, [a, b]), {});
}

function unary(
  fn: FunctionName,
  gradient: (ct: Value, x: Value, y: Value) => Value | null,
): Unary {
  const op = elementwise(fn, (ct, [x], y) => [gradient(ct, x!, y)]);
  return (x) => apply(op, [x], {});
}

const whereOp = elementwise("where", (ct, [condition]) => [
  null,
  where(condition!, ct, 0),
  where(condition!, 0, ct),
]);

function elementwise(
  fn: FunctionName,
  gradient: (ct: Value, inputs: readonly Value[], output: Value) => readonly (Value | null)[],
): OpDef<Attrs> {
  return {
    name: fn,
    infer: (inputs) => {
      const { shape } = inputs[0]!;
      if (inputs.some((input) => input.dtype !== "f32" || !sameShape(input.shape, shape))) {
        throw shapeError(fn, "its operands are not floats of one shape", inputs);
      }
      return [{ shape, dtype: "f32" }];
    },
    reference: (inputs) => [evaluate(fn, inputs)],
    vjp: ([ct], inputs, [output]) => ct ? gradient(ct, inputs, output!) : inputs.map(() => null),
    lowering: { kind: "elementwise", fn },
  };
}

function evaluate(fn: FunctionName, inputs: readonly Tensor[]): Tensor {
  const { shape } = inputs[0]!;
  const out = new Float32Array(size(shape));
  const js = functions[fn].js as (...args: number[]) => number;
  const [a, b, c] = inputs.map((input) => input.data);
  for (let i = 0; i < out.length; i++) out[i] = js(a![i]!, b?.[i] ?? 0, c?.[i] ?? 0);
  return tensor(shape, out);
}

/** Brings operands to the shape they broadcast to. */
function together(name: string, operands: readonly ValueOrNumber[]): Value[] {
  const values = operands.map((operand) => typeof operand === "number" ? constant(operand) : operand);
  const shape = values.reduce<Shape>((joint, value) => jointShape(name, joint, value, values), []);
  return values.map((value) => sameShape(value.shape, shape) ? value : broadcast(value, shape));
}

function jointShape(name: string, joint: Shape, { shape }: Value, values: readonly Value[]): Shape {
  const rank = Math.max(joint.length, shape.length);
  return Array.from({ length: rank }, (_, axis) => {
    const a = joint[axis - rank + joint.length] ?? 1;
    const b = shape[axis - rank + shape.length] ?? 1;
    if (a !== b && a !== 1 && b !== 1) throw shapeError(name, "its operands do not broadcast", values);
    return a === 1 ? b : a;
  });
}

/**
 * The elementwise functions: one row each, as WGSL for the GPU and as TypeScript for the oracle.
 *
 * WGSL is written for a type `T` that is `f32` or `vec4f`. Truth values are the floats 0 and 1.
 * @module
 */

/** One elementwise function. */
export interface ElementwiseFunction {
  /** Writes the call for operands that are WGSL expressions without side effects. */
  readonly wgsl: (args: readonly string[], T: string) => string;
  /** The same on numbers. */
  readonly js: (...args: number[]) => number;
}

/** The name of an elementwise function. */
export type FunctionName =
  | "copy"
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "min"
  | "max"
  | "greater"
  | "equal"
  | "where"
  | "neg"
  | "abs"
  | "sign"
  | "floor"
  | "round"
  | "exp"
  | "log"
  | "sqrt"
  | "sin"
  | "cos"
  | "tanh"
  | "sigmoid"
  | "erf"
  | "half";

const infix = (symbol: string, js: (a: number, b: number) => number): ElementwiseFunction => ({
  wgsl: ([a, b]) => `(${a} ${symbol} ${b})`,
  js,
});

const compare = (symbol: string, js: (a: number, b: number) => boolean): ElementwiseFunction => ({
  wgsl: ([a, b], T) => `select(${T}(0.0), ${T}(1.0), ${a} ${symbol} ${b})`,
  js: (a, b) => js(a, b) ? 1 : 0,
});

const call = (name: string, js: (...args: number[]) => number): ElementwiseFunction => ({
  wgsl: (args) => `${name}(${args.join(", ")})`,
  js,
});

/** Every elementwise function by name. */
export const functions: Readonly<Record<FunctionName, ElementwiseFunction>> = {
  copy: { wgsl: ([a]) => a!, js: (a) => a! },
  add: infix("+", (a, b) => a + b),
  sub: infix("-", (a, b) => a - b),
  mul: infix("*", (a, b) => a * b),
  div: infix("/", (a, b) => a / b),
  min: call("min", (a, b) => Math.min(a!, b!)),
  max: call("max", (a, b) => Math.max(a!, b!)),
  greater: compare(">", (a, b) => a > b),
  equal: compare("==", (a, b) => a === b),
  /** `where(condition, a, b)`: `a` where the condition is not 0. */
  where: {
    wgsl: ([c, a, b], T) => `select(${b}, ${a}, ${c} != ${T}(0.0))`,
    js: (c, a, b) => c !== 0 ? a! : b!,
  },
  neg: { wgsl: ([a]) => `(-${a})`, js: (a) => -a! },
  abs: call("abs", Math.abs),
  sign: call("sign", Math.sign),
  floor: call("floor", Math.floor),
  round: call("round", roundToEven),
  exp: call("exp", Math.exp),
  log: call("log", Math.log),
  sqrt: call("sqrt", Math.sqrt),
  sin: call("sin", Math.sin),
  cos: call("cos", Math.cos),
  /** `tanh` with its argument clamped, as some drivers overflow beyond. */
  tanh: { wgsl: ([a], T) => `tanh(clamp(${a}, ${T}(-15.0), ${T}(15.0)))`, js: Math.tanh },
  sigmoid: {
    wgsl: ([a], T) => `(${T}(1.0) / (${T}(1.0) + exp(-${a})))`,
    js: (a) => 1 / (1 + Math.exp(-a!)),
  },
  erf: { wgsl: ([a], T) => `erf_${T}(${a})`, js: erf },
  /** The nearest half: a value that loses nothing as one. */
  half: { wgsl: ([a], T) => `half_${T}(${a})`, js: Math.f16round },
};

/** Functions WGSL lacks, to be put before the kernels that call them, by the name they are called by. */
export function libraryFor(code: string): string {
  const halves = Object.entries(HALVES).filter(([name]) => code.includes(`${name}(`));
  return [...erfsIn(code), ...halves.map(([, text]) => text)].join("\n");
}

/** Between floats and halves as they lie in memory, by the names of the functions. */
const HALVES: Readonly<Record<string, string>> = {
  widened: `fn widened(four: vec2u) -> vec4f {
  return vec4f(unpack2x16float(four.x), unpack2x16float(four.y));
}`,
  narrowed: `fn narrowed(four: vec4f) -> vec2u {
  return vec2u(pack2x16float(four.xy), pack2x16float(four.zw));
}`,
  half_vec4f: `fn half_vec4f(x: vec4f) -> vec4f {
  return vec4f(unpack2x16float(pack2x16float(x.xy)), unpack2x16float(pack2x16float(x.zw)));
}`,
  half_f32: `fn half_f32(x: f32) -> f32 {
  return unpack2x16float(pack2x16float(vec2f(x, 0.0))).x;
}`,
};

function erfsIn(code: string): string[] {
  return (["f32", "vec4f"] as const)
    .filter((T) => code.includes(`erf_${T}(`))
    .map((T) =>
      `fn erf_${T}(x: ${T}) -> ${T} {
  let a = abs(x);
  let t = 1.0 / (1.0 + 0.5 * a);
  let p = ${ERF.map((c) => `${c} + t * (`).join("")}0.0${")".repeat(ERF.length)};
  return sign(x) * (1.0 - t * exp(p - a * a));
}`
    );
}

/** Coefficients of the Chebyshev fit of erfc, relative error 1.2e-7 (Numerical Recipes, section 6.2). */
const ERF = [
  "-1.26551223",
  "1.00002368",
  "0.37409196",
  "0.09678418",
  "-0.18628806",
  "0.27886807",
  "-1.13520398",
  "1.48851587",
  "-0.82215223",
  "0.17087277",
] as const; // deno-fmt-ignore

/** The nearest integer, the even one of two. */
function roundToEven(x: number): number {
  const floor = Math.floor(x);
  const isUp = x - floor === 0.5 ? floor % 2 !== 0 : x - floor > 0.5;
  return isUp ? floor + 1 : floor;
}

/** The error function, by the same fit. */
export function erf(x: number): number {
  const a = Math.abs(x);
  const t = 1 / (1 + 0.5 * a);
  const p = ERF.reduceRight((sum, c) => Number(c) + t * sum, 0);
  return Math.sign(x) * (1 - t * Math.exp(p - a * a));
}

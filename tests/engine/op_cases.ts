/**
 * One table of ops and operands. It drives three things: the interpreter against the GPU, gradients against central
 * differences, and nothing is added to the engine without a row here.
 * @module
 */

import { fold, type Key, normals, uniforms } from "../../lib/core/random.ts";
import { type Shape, size, type Tensor, tensor } from "../../lib/core/tensor.ts";
import * as e from "../../lib/engine/mod.ts";

/** An op applied to random operands. */
export interface OpCase {
  /** The op, and what is particular in this row. */
  readonly name: string;
  /** Shapes of the float operands, from a source of small random integers. */
  readonly shapes: (pick: (low: number, high: number) => number) => readonly Shape[];
  /** The op. */
  readonly fn: (...operands: e.Value[]) => e.Value;
  /** Whether to compare its gradient with central differences; default true. */
  readonly smooth?: boolean;
  /** Brings standard normal operands to the op's domain. */
  readonly domain?: (x: number) => number;
}

const positive = (x: number) => 0.5 + Math.abs(x);
const same = (pick: (low: number, high: number) => number): Shape => [pick(1, 5), pick(1, 9)];
const unary = (name: string, fn: (x: e.Value) => e.Value, more: Partial<OpCase> = {}): OpCase => ({
  name,
  shapes: (pick) => [same(pick)],
  fn: fn as OpCase["fn"],
  ...more,
});
const binary = (
  name: string,
  fn: (a: e.Value, b: e.Value) => e.Value,
  more: Partial<OpCase> = {},
): OpCase => ({
  name,
  shapes: (pick) => {
    const shape = same(pick);
    return [shape, shape];
  },
  fn: fn as OpCase["fn"],
  ...more,
});

/** Every op at least once. */
export const opCases: readonly OpCase[] = [
  binary("add", e.add),
  binary("sub", e.sub),
  binary("mul", e.mul),
  binary("div", e.div, { domain: positive }),
  binary("min", e.min),
  binary("max", e.max),
  binary("greater", e.greater, { smooth: false }),
  binary("equal", (a, b) => e.equal(e.sign(a), e.sign(b)), { smooth: false }),
  { name: "where", shapes: (p) => [[p(1, 6)], [1], [1]], fn: (c, a, b) => e.where(e.greater(c, 0), a!, b!) },
  unary("neg", e.neg),
  unary("abs", e.abs),
  unary("sign", e.sign, { smooth: false }),
  unary("floor", e.floor, { smooth: false }),
  unary("exp", e.exp),
  unary("log", e.log, { domain: positive }),
  unary("sqrt", e.sqrt, { domain: positive }),
  unary("sin", e.sin),
  unary("cos", e.cos),
  unary("tanh", e.tanh),
  unary("sigmoid", e.sigmoid),
  unary("erf", e.erf),
  unary("copy", e.copy),
  unary("silu", e.silu),
  unary("gelu", e.gelu),
  unary("quick_gelu", e.quickGelu),
  unary("relu", e.relu),
  unary("clamp", (x) => e.clamp(x, -0.5, 0.7)),
  unary("a long chain", (x) => {
    let y = x;
    for (let i = 0; i < 40; i++) y = e.add(e.mul(e.sin(y), 0.9), x);
    return y;
  }),
  {
    name: "more operands than a kernel may read",
    shapes: (p) => {
      const shape = same(p);
      return Array.from({ length: 12 }, () => shape);
    },
    fn: (...xs) => xs.reduce((a, b) => e.add(e.mul(a, 0.5), b)),
  },
  {
    name: "broadcasting",
    shapes: (p) => {
      const [b, h, c] = [p(1, 3), p(1, 4), p(1, 9)];
      return [[b, h, c], [b, 1, c], [c], [h, 1]];
    },
    fn: (x, scale, shift, rows) => e.mul(e.add(e.mul(x!, e.exp(scale!)), shift!), rows!),
  },
  {
    name: "reshape",
    shapes: (p) => [[p(1, 4), 2, 3 * p(1, 3)]],
    fn: (x) => e.mul(e.reshape(x!, [-1, 6]), 2),
  },
  {
    name: "permute",
    shapes: (p) => [[p(1, 4), p(1, 5), p(1, 6)]],
    fn: (x) => e.exp(e.permute(x!, [2, 0, 1])),
  },
  {
    name: "reshape of a permuted value",
    shapes: (p) => [[p(1, 3), p(2, 3), 4]],
    fn: (x) => e.reshape(e.permute(x!, [1, 0, 2]), [-1, 2]),
  },
  {
    name: "slice",
    shapes: (p) => [[p(2, 4), 5 + p(1, 8)]],
    fn: (x) => e.mul(e.slice(x!, 1, 2, 6), e.slice(x!, -1, 1, 5)),
  },
  { name: "expand", shapes: (p) => [[p(2, 4), 3]], fn: (x) => e.mul(e.expand(x!, 1), e.expand(x!, 0)) },
  {
    name: "nearest upsampling",
    shapes: (p) => [[p(1, 2), 2, 3, 4 * p(1, 2)]],
    fn: (x) => {
      const [b, h, w, c] = x!.shape as [number, number, number, number];
      const twice = e.broadcast(e.reshape(x!, [b, h, 1, w, 1, c]), [b, h, 2, w, 2, c]);
      return e.sin(e.reshape(twice, [b, 2 * h, 2 * w, c]));
    },
  },
  {
    name: "concat",
    shapes: (p) => [[2, p(1, 5), 3], [2, p(1, 5), 3]],
    fn: (a, b) => e.exp(e.concat([a!, b!], 1)),
  },
  {
    name: "concat along the last axis",
    shapes: (p) => [[3, 4 * p(1, 3)], [3, 4]],
    fn: (a, b) => e.concat([a!, b!, a!], -1),
  },
  {
    name: "pack",
    shapes: (p) => [[p(1, 64)], [4 * p(1, 16)], [p(1, 9)]],
    fn: (...xs) => e.pack(xs, [0, 64, 192], 256),
  },
  { name: "pad", shapes: (p) => [[2, p(1, 5), 3]], fn: (x) => e.pad(x!, 1, 2, 1) },
  { name: "pad along the last axis", shapes: (p) => [[2, 4 * p(1, 3)]], fn: (x) => e.pad(x!, 1, 4, 8) },
  { name: "sum of rows", shapes: (p) => [[p(1, 5), p(1, 70)]], fn: (x) => e.sum(e.mul(x!, x!), [1]) },
  { name: "sum of columns", shapes: (p) => [[p(1, 700), 4 * p(1, 3)]], fn: (x) => e.sum(x!, [0]) },
  { name: "sum of odd columns", shapes: (p) => [[600, p(1, 7)]], fn: (x) => e.sum(x!, [0]) },
  { name: "sum of all", shapes: (p) => [[p(1, 40), p(1, 90)]], fn: (x) => e.sum(e.sin(x!)) },
  {
    name: "sum over outer and inner axes",
    shapes: (p) => [[p(1, 4), p(1, 4), p(1, 4), p(1, 9)]],
    fn: (x) => e.sum(x!, [0, 2]),
  },
  {
    name: "mean that keeps its axis",
    shapes: (p) => [[p(1, 4), p(1, 9)]],
    fn: (x) => e.sub(x!, e.mean(x!, [1], { keep: true })),
  },
  { name: "maximum", shapes: (p) => [[p(1, 4), p(1, 9)]], fn: (x) => e.maximum(x!, [-1]) },
  {
    name: "checkpoint",
    shapes: (p) => [[p(1, 4), 4], [4]],
    fn: (x, w) => {
      const segment = ([y]: readonly e.Value[]) => [e.sin(e.mul(e.tanh(y!), w!)), e.mul(y!, y!)];
      const [a, b] = e.checkpoint(segment, [e.mul(x!, 0.5)]);
      return e.add(e.mul(a!, b!), x!);
    },
  },
  {
    name: "group statistics from reductions",
    shapes: (p) => [[p(1, 3), p(1, 6), 8], [8]],
    fn: (x, gamma) => {
      const centred = e.sub(x!, e.mean(x!, [1, 2], { keep: true }));
      const variance = e.mean(e.square(centred), [1, 2], { keep: true });
      return e.silu(e.mul(e.div(centred, e.sqrt(e.add(variance, 1e-5))), gamma!));
    },
  },
];

/** Draws the operands of a case. */
export function operandsOf({ shapes, domain = (x) => x }: OpCase, key: Key): Tensor[] {
  const draws = uniforms(fold(key, "shapes"), 64);
  let next = 0;
  const pick = (low: number, high: number) => low + Math.floor(draws[next++]! * (high - low + 1));
  return shapes(pick).map((shape, i) => tensor(shape, normals(fold(key, i), size(shape)).map(domain)));
}

/**
 * One table of ops and operands: the interpreter against the GPU, gradients against central differences, random graphs.
 * An op that is no part of a row fails a test.
 * @module
 */

import { fold, integers, type Key, key, normals, uniforms } from "../../lib/core/random.ts";
import { type Shape, showShape, size, type Tensor, tensor, words } from "../../lib/core/tensor.ts";
import * as e from "../../lib/engine/mod.ts";
import { attentionGradKeyValue, attentionGradQuery } from "../../lib/engine/ops/attention_grad.ts";

/** A float operand by its shape, or words below a bound. */
export type Operand = Shape | { readonly words: Shape; readonly below: number };

/** Draws an integer between two, both included. */
export type Pick = (low: number, high: number) => number;

/** An op applied to random operands. */
export interface OpCase {
  /** The op, and what is particular in this row. */
  readonly name: string;
  /** The operands, from a source of small random integers. */
  readonly operands: (pick: Pick) => readonly Operand[];
  /** The op; its results, where there are several. */
  readonly fn: (...operands: e.Value[]) => e.Value | readonly e.Value[];
  /** Whether its values change by little where its operands do, so that gradients are slopes; default true. */
  readonly smooth?: boolean;
  /** Whether its gradient jumps somewhere, so that rounding may decide it. */
  readonly hasKinks?: boolean;
  /** Whether float operands have to be positive, and not small. */
  readonly positive?: boolean;
}

const same = (pick: Pick): Shape => [pick(1, 5), pick(1, 9)];
const unary = (name: string, fn: (x: e.Value) => e.Value, more: Partial<OpCase> = {}): OpCase => ({
  name,
  operands: (pick) => [same(pick)],
  fn: fn as OpCase["fn"],
  ...more,
});
const binary = (
  name: string,
  fn: (a: e.Value, b: e.Value) => e.Value,
  more: Partial<OpCase> = {},
): OpCase => ({
  name,
  operands: (pick) => {
    const shape = same(pick);
    return [shape, shape];
  },
  fn: fn as OpCase["fn"],
  ...more,
});
/** A matrix product with either operand transposed. */
const matmul = (name: string, transposeA: boolean, transposeB: boolean): OpCase => ({
  name,
  operands: (pick) => {
    const [m, n, k] = [pick(1, 20), pick(1, 20), pick(1, 20)];
    return [transposeA ? [k, m] : [m, k], transposeB ? [n, k] : [k, n]];
  },
  fn: (a, b) => e.matmul(a!, b!, { transposeA, transposeB }),
});
/** Images, and weights of so many taps either way, for a convolution. */
const images = (side: number, taps: number) => (pick: Pick): Operand[] => {
  const [channels, out] = [pick(1, 9), pick(1, 9)];
  return [[pick(1, 2), side, side + 1, channels], [taps, taps, channels, out]];
};
/** Query, key and value of two heads; the sequences have one length or two. */
const sequences = (pick: Pick, isCross: boolean): Operand[] => {
  const [batch, channels, length] = [pick(1, 2), 8 * pick(1, 2), pick(1, 9)];
  const keys = isCross ? pick(1, 9) : length;
  return [[batch, length, channels], [batch, keys, channels], [batch, keys, channels]];
};
const attention = (name: string, isCross: boolean, causal: boolean): OpCase => ({
  name,
  operands: (pick) => sequences(pick, isCross),
  fn: (q, k, v) => e.attention(q!, k!, v!, { heads: 2, causal }).node.outputs,
});
const attentionGrad = (name: string, fn: (operands: readonly e.Value[]) => e.Value | e.Value[]): OpCase => ({
  name,
  operands: (pick) => {
    const [q, k, v] = sequences(pick, true) as [Shape, Shape, Shape];
    return [q, k, v, q, [q[0]!, 2, q[1]!], [q[0]!, q[1]!, 2]];
  },
  fn: (...operands) => fn(operands),
  smooth: false,
});

/** Every op at least once. */
export const opCases: readonly OpCase[] = [
  binary("add", e.add),
  binary("sub", e.sub),
  binary("mul", e.mul),
  binary("div", e.div, { positive: true }),
  binary("min", e.min, { hasKinks: true }),
  binary("max", e.max, { hasKinks: true }),
  binary("greater", e.greater, { smooth: false }),
  binary("equal", (a, b) => e.equal(e.sign(a), e.sign(b)), { smooth: false }),
  {
    name: "where",
    operands: (p) => [[p(1, 6)], [p(1, 6), 1], [1]],
    fn: (c, a, b) => e.where(e.greater(c!, 0), a!, b!),
    hasKinks: true,
  },
  unary("neg", e.neg),
  unary("abs", e.abs, { hasKinks: true }),
  unary("sign", e.sign, { smooth: false }),
  unary("floor", e.floor, { smooth: false }),
  unary("round", (x) => e.round(e.mul(e.floor(e.mul(x, 4)), 0.5)), { smooth: false }),
  unary("half", (x) => e.half(e.mul(x, 3)), { smooth: false }),
  unary("straight_through", (x) => e.straightThrough(e.mul(x, 2), e.add(x, x))),
  unary("exp", e.exp),
  unary("log", e.log, { positive: true }),
  unary("sqrt", e.sqrt, { positive: true }),
  unary("sin", e.sin),
  unary("cos", e.cos),
  unary("tanh", e.tanh),
  unary("sigmoid", e.sigmoid),
  unary("erf", e.erf),
  unary("copy", e.copy),
  unary("silu", e.silu),
  unary("gelu", e.gelu),
  unary("quick_gelu", e.quickGelu),
  unary("relu", e.relu, { hasKinks: true }),
  unary("clamp", (x) => e.clamp(x, -0.5, 0.7), { hasKinks: true }),
  unary("a long chain", (x) => {
    let y = x;
    for (let i = 0; i < 40; i++) y = e.add(e.mul(e.sin(y), 0.9), x);
    return y;
  }),
  {
    name: "more operands than a kernel may read",
    operands: (p) => {
      const shape = same(p);
      return Array.from({ length: 12 }, () => shape);
    },
    fn: (...xs) => xs.reduce((a, b) => e.add(e.mul(a, 0.5), b)),
  },
  {
    name: "broadcasting",
    operands: (p) => {
      const [b, h, c] = [p(1, 3), p(1, 4), p(1, 9)];
      return [[b, h, c], [b, 1, c], [c], [h, 1]];
    },
    fn: (x, scale, shift, rows) => e.mul(e.add(e.mul(x!, e.exp(scale!)), shift!), rows!),
  },
  {
    name: "reshape",
    operands: (p) => [[p(1, 4), 2, 3 * p(1, 3)]],
    fn: (x) => e.mul(e.reshape(x!, [-1, 6]), 2),
  },
  {
    name: "permute",
    operands: (p) => [[p(1, 4), p(1, 5), p(1, 6)]],
    fn: (x) => e.exp(e.permute(x!, [2, 0, 1])),
  },
  {
    name: "reshape of a permuted value",
    operands: (p) => [[p(1, 3), p(2, 3), 4]],
    fn: (x) => e.reshape(e.permute(x!, [1, 0, 2]), [-1, 2]),
  },
  {
    name: "slice",
    operands: (p) => [[p(2, 4), 5 + p(1, 8)]],
    fn: (x) => e.mul(e.slice(x!, 1, 2, 6), e.slice(x!, -1, 1, 5)),
  },
  { name: "expand", operands: (p) => [[p(2, 4), 3]], fn: (x) => e.mul(e.expand(x!, 1), e.expand(x!, 0)) },
  {
    name: "nearest upsampling",
    operands: (p) => [[p(1, 2), 2, 3, 4 * p(1, 2)]],
    fn: (x) => {
      const [b, h, w, c] = x!.shape as [number, number, number, number];
      const twice = e.broadcast(e.reshape(x!, [b, h, 1, w, 1, c]), [b, h, 2, w, 2, c]);
      return e.sin(e.reshape(twice, [b, 2 * h, 2 * w, c]));
    },
  },
  {
    name: "concat",
    operands: (p) => [[2, p(1, 5), 3], [2, p(1, 5), 3]],
    fn: (a, b) => e.exp(e.concat([a!, b!], 1)),
  },
  {
    name: "concat along the last axis",
    operands: (p) => [[3, 4 * p(1, 3)], [3, 4]],
    fn: (a, b) => e.concat([a!, b!, a!], -1),
  },
  {
    name: "pack",
    operands: (p) => [[p(1, 64)], [4 * p(1, 16)], [p(1, 9)]],
    fn: (...xs) => e.pack(xs, [0, 64, 192], 256),
  },
  {
    name: "pack the first of what is computed",
    operands: () => [[128, 8]],
    fn: (x) => e.pack([e.slice(e.sum(x!, [1]), 0, 0, 64)], [0], 128),
  },
  { name: "pad", operands: (p) => [[2, p(1, 5), 3]], fn: (x) => e.pad(x!, 1, 2, 1) },
  { name: "pad along the last axis", operands: (p) => [[2, 4 * p(1, 3)]], fn: (x) => e.pad(x!, 1, 4, 8) },
  { name: "sum of rows", operands: (p) => [[p(1, 5), p(1, 70)]], fn: (x) => e.sum(e.mul(x!, x!), [1]) },
  { name: "sum of columns", operands: (p) => [[p(1, 700), 4 * p(1, 3)]], fn: (x) => e.sum(x!, [0]) },
  { name: "sum of odd columns", operands: (p) => [[600, p(1, 7)]], fn: (x) => e.sum(x!, [0]) },
  { name: "sum of all", operands: (p) => [[p(1, 40), p(1, 90)]], fn: (x) => e.sum(e.sin(x!)) },
  {
    name: "sum over outer and inner axes",
    operands: (p) => [[p(1, 4), p(1, 4), p(1, 4), p(1, 9)]],
    fn: (x) => e.sum(x!, [0, 2]),
  },
  {
    name: "mean that keeps its axis",
    operands: (p) => [[p(1, 4), p(1, 9)]],
    fn: (x) => e.sub(x!, e.mean(x!, [1], { keep: true })),
  },
  {
    name: "maximum",
    operands: (p) => [[p(1, 4), p(1, 9)]],
    fn: (x) => e.maximum(x!, [-1]),
    hasKinks: true,
  },
  {
    name: "checkpoint",
    operands: (p) => [[p(1, 4), 4], [4]],
    fn: (x, w) => {
      const segment = ([y]: readonly e.Value[]) => [e.sin(e.mul(e.tanh(y!), w!)), e.mul(y!, y!)];
      const [a, b] = e.checkpoint(segment, [e.mul(x!, 0.5)]);
      return e.add(e.mul(a!, b!), x!);
    },
  },
  {
    name: "group statistics from reductions",
    operands: (p) => [[p(1, 3), p(1, 6), 8], [8]],
    fn: (x, gamma) => {
      const centred = e.sub(x!, e.mean(x!, [1, 2], { keep: true }));
      const variance = e.mean(e.square(centred), [1, 2], { keep: true });
      return e.silu(e.mul(e.div(centred, e.sqrt(e.add(variance, 0.1))), gamma!));
    },
  },
  matmul("matmul", false, false),
  matmul("matmul, b transposed", false, true),
  matmul("matmul, a transposed", true, false),
  matmul("matmul, both transposed", true, true),
  {
    name: "matmul with bias, activation and residual",
    operands: (p) => {
      const [m, n, k] = [p(1, 9), p(1, 9), p(1, 9)];
      return [[m, k], [k, n], [n], [m, n]];
    },
    fn: (x, w, b, skip) => e.add(e.silu(e.add(e.matmul(x!, w!), b!)), skip!),
  },
  {
    name: "conv2d, 3 taps",
    operands: images(4, 3),
    fn: (x, w) => e.conv2d(x!, w!, { padding: [1, 1, 1, 1] }),
  },
  {
    name: "conv2d, 3 taps, every second pixel, as encoders pad",
    operands: images(6, 3),
    fn: (x, w) => e.conv2d(x!, w!, { stride: 2, padding: [0, 1, 0, 1] }),
  },
  {
    name: "conv2d, 3 taps, every second pixel, padded all around",
    operands: images(5, 3),
    fn: (x, w) => e.conv2d(x!, w!, { stride: 2, padding: [1, 1, 1, 1] }),
  },
  { name: "conv2d, 1 tap", operands: images(3, 1), fn: (x, w) => e.conv2d(x!, w!) },
  {
    name: "conv2d, 1 tap, every second pixel",
    operands: images(5, 1),
    fn: (x, w) => e.conv2d(x!, w!, { stride: 2 }),
  },
  {
    name: "conv2d_grad_input",
    operands: (p) => {
      const channels = p(1, 9);
      return [[p(1, 2), 3, 2, channels], [3, 3, p(1, 9), channels]];
    },
    fn: (ct, w) =>
      e.conv2dGradInput(ct!, w!, {
        stride: 2,
        padding: [1, 0, 1, 0],
        shape: [ct!.shape[0]!, 6, 4, w!.shape[2]!],
      }),
  },
  {
    name: "conv2d_grad_weight",
    operands: (p) => {
      const batch = p(1, 3);
      return [[batch, 4, 5, p(1, 9)], [batch, 4, 5, p(1, 9)]];
    },
    fn: (x, ct) =>
      e.conv2dGradWeight(x!, ct!, {
        stride: 1,
        padding: [1, 1, 1, 1],
        shape: [3, 3, x!.shape[3]!, ct!.shape[3]!],
      }),
  },
  attention("attention", false, false),
  attention("attention across", true, false),
  attention("attention, causal", false, true),
  attentionGrad("attention_grad_query", (xs) => attentionGradQuery(xs, { heads: 2, causal: false })),
  attentionGrad("attention_grad_key_value", (xs) => attentionGradKeyValue(xs, { heads: 2, causal: true })),
  {
    name: "norm_stats of groups",
    operands: (p) => [[p(1, 3), p(2, 40), 4 * p(1, 5)]],
    fn: (x) => Object.values(e.normStats(x!, { groups: 2, eps: 0.1 })),
  },
  {
    name: "norm_stats of rows",
    operands: (p) => [[p(1, 9), 1, p(2, 40)]],
    fn: (x) => Object.values(e.normStats(x!, { groups: 1, eps: 0.1 })),
  },
  {
    name: "norm_stats in chunks",
    operands: (p) => [[p(1, 2), 1024 + p(1, 9), 4 * p(1, 2)]],
    fn: (x) => Object.values(e.normStats(x!, { groups: 4, eps: 0.1 })),
  },
  {
    name: "gather of wide rows",
    operands: (p) => [[7, 4 * p(9, 24)], { words: [4 * p(1, 3)], below: 7 }],
    fn: (table, ids) => e.gather(table!, ids!),
  },
  {
    name: "gather",
    operands: (p) => {
      const rows = p(1, 9);
      return [[rows, p(1, 20)], { words: [p(1, 3), p(1, 9)], below: rows }];
    },
    fn: (table, ids) => e.gather(table!, ids!),
  },
  {
    name: "gather_grad",
    operands: (p) => {
      const count = p(1, 20);
      return [{ words: [count], below: 7 }, [count, p(1, 20)]];
    },
    fn: (ids, ct) => e.gatherGrad(ids!, ct!, 7),
  },
  {
    name: "gather by words seen through a view",
    operands: (p) => [[6, p(1, 9)], { words: [p(2, 4), 3], below: 6 }],
    fn: (table, ids) => e.gather(table!, e.permute(e.slice(ids!, 1, 1, 3), [1, 0])),
  },
  {
    name: "random, uniform",
    operands: () => [{ words: [2], below: 2 ** 32 }],
    fn: (key) => e.randomUniform(key!, [5, 7]),
    smooth: false,
  },
  {
    name: "random, normal",
    operands: () => [{ words: [2], below: 2 ** 32 }],
    fn: (key) => e.randomNormal(key!, [41]),
    smooth: false,
  },
  {
    name: "resample_bytes, and their levels",
    operands: (p) => {
      const out = p(1, 6);
      return [[p(1, 2), 9, p(1, 5), 3], { words: [out, 1 + p(1, 4)], below: 6 }, [256, 3]];
    },
    fn: (x, windows, levels) => {
      const bytes = e.clamp(e.round(e.mul(x!, 100)), 0, 255);
      // Larger than bytes, as the random weights are far below one.
      return [e.resampleBytes(e.mul(bytes, 2 ** 15), windows!, 1), e.bytesToLevels(bytes, levels!)];
    },
    smooth: false,
  },
  {
    name: "vector",
    operands: (p) => [[p(1, 3), p(1, 9)]],
    fn: (x) => e.mul(x!, e.vector(Array.from({ length: x!.shape[1]! }, (_, i) => Math.sin(i)))),
  },
  {
    name: "adamw, in place",
    operands: (p) => {
      const count = p(1, 3000);
      return [[count], [count], [count], [count], [], [4]];
    },
    fn: (param, m, v, grad, scale, hyper) =>
      Object.values(e.adamw(
        { param: param!, m: m!, v: v!, grad: grad!, scale: scale!, hyper: hyper! },
        { beta1: 0.9, beta2: 0.99, eps: 1e-8 },
      )),
    positive: true,
    smooth: false,
  },
  {
    name: "stop_gradient",
    operands: (p) => [[p(1, 9)]],
    fn: (x) => e.exp(e.stopGradient(x!)),
    smooth: false,
  },
];

/** A source of small random integers. */
export function picker(key: Key): Pick {
  const draws = uniforms(key, 4096);
  let next = 0;
  return (low, high) => low + Math.floor(draws[next++ % draws.length]! * (high - low + 1));
}

/** Draws the operands of a case. */
export function operandsOf({ operands, positive = false }: OpCase, key: Key): Tensor[] {
  return operands(picker(fold(key, "shapes"))).map((operand, i) => {
    const from = fold(key, i);
    if ("words" in operand) {
      return words(operand.words, integers(from, size(operand.words), operand.below));
    }
    const values = normals(from, size(operand));
    return tensor(operand, positive ? values.map((x) => 0.5 + Math.abs(x)) : values);
  });
}

/** The values of a case, and the gradient of their sum with random weights by every float operand. */
export function traced(
  opCase: OpCase,
  seed: number,
): { readonly graph: e.Graph; readonly inputs: Readonly<Record<string, Tensor>>; readonly what: string } {
  const operands = operandsOf(opCase, key(seed));
  const xs = operands.map(({ shape, dtype }, i) => e.input(`x${i}`, shape, dtype));
  const ys = [opCase.fn(...xs)].flat();
  const weights = opCase.smooth === false ? [] : ys.map(({ shape }, i) => e.input(`weight y${i}`, shape));
  const floats = opCase.smooth === false ? [] : xs.filter(({ dtype }) => dtype === "f32");
  const gradients = e.pullback(ys, weights, floats);
  const graph = {
    inputs: Object.fromEntries([...xs, ...weights].map((x) => [x.node.attrs.name, x])),
    outputs: Object.fromEntries([
      ...ys.map((y, i) => [`y${i}`, y]),
      ...floats.map((x, i) => [`d ${x.node.attrs.name}`, gradients[i]]),
    ]),
  };
  const draws = weights.map(({ shape, node }) => [
    node.attrs.name,
    tensor(shape, normals(fold(key(seed), node.attrs.name as string), size(shape))),
  ]);
  const shapes = operands.map(({ shape }) => showShape(shape)).join(" ");
  return {
    graph,
    inputs: Object.fromEntries([...operands.map((x, i) => [`x${i}`, x]), ...draws]),
    what: `${opCase.name}, seed ${seed}, shapes ${shapes}`,
  };
}

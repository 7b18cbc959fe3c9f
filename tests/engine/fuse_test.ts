import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  add,
  attention,
  broadcast,
  concat,
  conv2d,
  div,
  exp,
  type Graph,
  input,
  matmul,
  maximum,
  mean,
  mul,
  permute,
  pullback,
  reshape,
  silu,
  sin,
  slice,
  square,
  stopGradient,
  sub,
  sum,
  topological,
  trace,
  type Value,
} from "../../lib/engine/mod.ts";
import { fuse } from "../../lib/engine/fuse.ts";
import { simplify } from "../../lib/engine/simplify.ts";
import { outputsOf, readsOf, showSteps } from "../../lib/engine/steps.ts";
import { randomGraph } from "./random_graphs.ts";

/** The steps of a function of float inputs of these shapes. */
function steps<I extends string>(
  shapes: Readonly<Record<I, readonly number[]>>,
  fn: (inputs: Readonly<Record<I, Value>>) => Readonly<Record<string, Value>>,
): string {
  const types = Object.entries<readonly number[]>(shapes).map((
    [name, shape],
  ) => [name, { shape, dtype: "f32" }]);
  return showSteps(fuse(simplify(trace(fn, Object.fromEntries(types)))));
}

Deno.test("a chain of elementwise ops and views is one kernel", () => {
  const found = steps({ x: [4, 6], b: [6], s: [4, 1] }, ({ x, b, s }) => ({
    y: mul(permute(sin(add(x, b)), [1, 0]), reshape(s, [4])),
  }));
  assertEquals(found, "add+sin+mul [6, 4]");
});

Deno.test("bias, activation, scale and residual are the gemm's epilogue", () => {
  const shapes = { x: [4, 8], w: [8, 12], b: [12], skip: [4, 12], s: [4, 1] };
  assertEquals(
    steps(shapes, ({ x, w, b, skip, s }) => ({ y: mul(add(silu(add(matmul(x, w), b)), skip), s) })),
    "matmul [4, 12] then add+sigmoid+mul+add+mul",
  );
  assertEquals(
    steps({ x: [2, 5, 5, 3], w: [3, 3, 3, 8], b: [8], t: [2, 8] }, ({ x, w, b, t }) => ({
      y: add(add(conv2d(x, w), b), reshape(t, [2, 1, 1, 8])),
    })),
    "conv2d [2, 3, 3, 8] then add+add",
  );
});

Deno.test("a gemm that two read, that is a result, or that is seen otherwise keeps no epilogue", () => {
  const shapes = { x: [4, 8], w: [8, 12] };
  assertEquals(
    steps(shapes, ({ x, w }) => ({ y: silu(matmul(x, w)), z: exp(matmul(x, w)) })),
    "matmul [4, 12]\nsigmoid+mul [4, 12]\nexp [4, 12]",
  );
  assertEquals(
    steps(shapes, ({ x, w }) => ({ y: exp(matmul(x, w)), z: matmul(x, w) })),
    "matmul [4, 12]\nexp [4, 12]",
  );
  assertEquals(
    steps(shapes, ({ x, w }) => ({ y: exp(permute(matmul(x, w), [1, 0])) })),
    "matmul [4, 12]\nexp [12, 4]",
  );
});

Deno.test("the gemm that comes last takes the epilogue of a sum of two", () => {
  const found = steps(
    { x: [4, 8], w: [8, 12], a: [4, 4], b: [4, 12] },
    ({ x, w, a, b }) => ({ y: add(matmul(x, w), mul(matmul(a, b), 0.5)) }),
  );
  assertEquals(found, "matmul [4, 12]\nmatmul [4, 12] then constant+mul+add");
});

Deno.test("a reduction computes its operand as it reads it", () => {
  assertEquals(
    steps({ x: [4, 6], y: [4, 6] }, ({ x, y }) => ({ loss: mean(square(sub(x, y))) })),
    "sum(sub+mul) [4, 6] over 0,1\nconstant+mul []",
  );
});

Deno.test("what is stored is read, not computed again", () => {
  // A step of DDIM: the log-probability is that of the stored latents.
  const found = steps({ x: [2, 8], eps: [2, 8], noise: [2, 8] }, ({ x, eps, noise }) => {
    const mu = sub(x, mul(eps, 0.5));
    const prev = add(mu, mul(noise, 0.1));
    return { prev, logProb: mean(square(sub(prev, mul(x, 0.9))), [1]) };
  });
  assertEquals(
    found,
    `constant+mul+sub+constant+mul+add [2, 8]
sum(constant+mul+sub+mul) [2, 8] over 1
constant+mul [2]`,
  );
});

Deno.test("a dear value with two readers is stored, a cheap one is written out twice", () => {
  const chain = (length: number) =>
    steps({ x: [4], y: [4] }, ({ x, y }) => {
      let h = x;
      for (let i = 0; i < length; i++) h = sin(h);
      return { a: sum(mul(h, y)), b: sum(h) };
    });
  assertEquals(chain(2), "sum(sin+sin+mul) [4] over 0\nsum(sin+sin) [4] over 0");
  assertEquals(
    chain(17),
    `${Array(17).fill("sin").join("+")} [4]\nsum(mul) [4] over 0\nsum(copy) [4] over 0`,
  );
});

Deno.test("what is compared with its maximum is stored, so that all read the same bits", () => {
  const found = steps({ x: [4, 6], ct: [4] }, ({ x, ct }) => {
    const [slope] = pullback([maximum(sin(x), [1])], [ct], [x]);
    return { slope: slope! };
  });
  assertEquals(found.split("\n").slice(0, 3), [
    "sin [4, 6]",
    "max(copy) [4, 6] over 1",
    "sum(equal) [4, 6] over 1",
  ]);
  assertEquals(steps({ x: [4, 6] }, ({ x }) => ({ top: maximum(sin(x), [1]) })), "max(sin) [4, 6] over 1");
});

Deno.test("what is computed is stored before it is repeated, a constant is not", () => {
  assertEquals(
    steps({ x: [4, 1], y: [4, 6] }, ({ x, y }) => ({ z: add(broadcast(exp(x), [4, 6]), y) })),
    "exp [4, 1]\nadd [4, 6]",
  );
  assertEquals(steps({ y: [4, 6] }, ({ y }) => ({ z: div(y, 3) })), "constant+div [4, 6]");
});

Deno.test("ops with kernels read views where they lie together, and one copy of others", () => {
  const found = steps({ x: [256, 4], w: [4, 8] }, ({ x, w }) => {
    const half = slice(x, 0, 128, 256); // It begins at float 512, where a binding may.
    const across = permute(w, [1, 0]);
    return {
      a: matmul(reshape(half, [128, 4]), w),
      b: matmul(stopGradient(across), w),
      c: matmul(w, reshape(across, [8, 4])),
      d: matmul(reshape(across, [4, 8]), reshape(slice(x, 0, 1, 3), [8, 1])),
    };
  });
  assertEquals(
    found,
    `matmul [128, 8]
copy [8, 4]
matmul [8, 8]
matmul [4, 4]
copy [2, 4]
matmul [4, 1]`,
  );
});

Deno.test("kernels read at most seven values and have at most 64 instructions", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const { graph, what } = randomGraph(seed, 6);
    for (const step of fuse(simplify(graph)).steps) {
      if (step.kind === "kernel") continue;
      assert(step.reads.length <= 7, `${what}: ${step.reads.length} reads`);
      assert(step.expression.code.length <= 64, `${what}: ${step.expression.code.length} instructions`);
    }
  }
});

Deno.test("random graphs: every step reads what was computed before, and each value is computed once", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const { graph, what } = randomGraph(seed, 6);
    const { steps, outputs } = fuse(simplify(graph));
    const known = new Set<Value>(Object.values(graph.inputs));
    for (const step of steps) {
      for (const value of readsOf(step)) {
        assert(known.has(value), `${what}: ${value.node.op.name} is read too early`);
      }
      for (const value of outputsOf(step)) {
        assert(!known.has(value), `${what}: ${value.node.op.name} is computed twice`);
        known.add(value);
      }
    }
    for (const [name, { value }] of Object.entries(outputs)) assert(known.has(value), `${what}: ${name}`);
    const kernels = topological(Object.values(simplify(graph).outputs)).filter(({ op }) =>
      op.lowering.kind === "kernel"
    );
    assertEquals(steps.filter(({ kind }) => kind === "kernel").length, kernels.length, what);
  }
});

Deno.test("an input of another graph is refused by name", () => {
  const foreign = input("foreign", [3]);
  const graph: Graph = trace(({ x }) => ({ y: add(x, foreign) }), { x: { shape: [3], dtype: "f32" } });
  assertThrows(() => fuse(graph), TypeError, "reads foreign, which is none of its inputs");
});

Deno.test("attention reads the parts of one projection where they lie", () => {
  const found = steps({ x: [2, 32, 16] }, ({ x }) => {
    const [q, k, v] = [0, 1, 2].map((i) => concat([slice(x, 0, 0, 1), slice(x, 0, i % 2, i % 2 + 1)], 0));
    return { y: attention(q!, k!, v!, { heads: 2 }) };
  });
  assertEquals(found, "concat [2, 32, 16]\nconcat [2, 32, 16]\nattention [2, 32, 16]");
});

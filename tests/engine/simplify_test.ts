import { assertEquals } from "@std/assert";
import {
  add,
  checkpoint,
  constant,
  evaluate,
  exp,
  mul,
  showGraph,
  sum,
  tanh,
  topological,
  trace,
} from "../../lib/engine/mod.ts";
import { simplify } from "../../lib/engine/simplify.ts";
import { randomGraph } from "./random_graphs.ts";

const x = { shape: [3], dtype: "f32" } as const;

Deno.test("equal computations become one, others stay", () => {
  const graph = trace(({ x, y }) => ({
    sum: add(exp(mul(x, 2)), exp(mul(x, 2))),
    other: exp(mul(y, 2)),
    unused: x,
  }), { x, y: x });
  assertEquals(
    showGraph(simplify(graph)),
    `%0: f32[3] = input() {"name":"x","shape":[3],"dtype":"f32"}
%1: f32[] = constant() {"value":2,"shape":[]}
%2: f32[3] = broadcast(%1) {"shape":[3]}
%3: f32[3] = mul(%0, %2)
%4: f32[3] = exp(%3)
%5: f32[3] = add(%4, %4)
%6: f32[3] = input() {"name":"y","shape":[3],"dtype":"f32"}
%7: f32[3] = mul(%6, %2)
%8: f32[3] = exp(%7)
return { sum: %5, other: %8, unused: %0 }`,
  );
});

Deno.test("what differs in settings alone is not the same", () => {
  const graph = trace(
    ({ x }) => ({ a: sum(x), b: sum(x, [0], { keep: true }), c: constant(1), d: constant(2) }),
    {
      x,
    },
  );
  const { outputs } = simplify(graph);
  assertEquals(outputs.a!.shape, []);
  assertEquals(outputs.b!.shape, [1]);
  assertEquals([outputs.c!, outputs.d!].map(({ node }) => node.attrs.value), [1, 2]);
});

Deno.test("segments of the same values, but not of the same results, are told apart", () => {
  const graph = trace(({ x }) => {
    const h = tanh(x);
    const [one] = checkpoint(() => [h], [x]);
    const [first, second] = checkpoint(() => [h, x], []);
    return { one: one!, first: first!, second: second! };
  }, { x });
  assertEquals(Object.values(simplify(graph).outputs).map(({ shape }) => shape), [[3], [3], [3]]);
});

Deno.test("random graphs: simplified they compute the same bits with fewer nodes", () => {
  let before = 0;
  let after = 0;
  for (let seed = 1; seed <= 30; seed++) {
    const { graph, inputs, what } = randomGraph(seed, 4);
    const simple = simplify(graph);
    assertEquals(evaluate(simple, inputs), evaluate(graph, inputs), what);
    before += topological(Object.values(graph.outputs)).length;
    after += topological(Object.values(simple.outputs)).length;
    assertEquals(showGraph(simplify(simple)), showGraph(simple), `twice, ${what}`);
  }
  assertEquals(after < before, true, `${after} nodes after ${before}`);
});

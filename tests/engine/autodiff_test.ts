import { assertEquals, assertThrows } from "@std/assert";
import { tensor } from "../../lib/core/tensor.ts";
import {
  add,
  evaluate,
  exp,
  grad,
  input,
  mul,
  pullback,
  sin,
  square,
  stopGradient,
  sub,
  sum,
  topological,
  trace,
  valueAndGrad,
} from "../../lib/engine/mod.ts";

const three = { shape: [3], dtype: "f32" } as const;
const x = tensor([3], [1, -2, 3]);
const w = tensor([3], [0.5, 2, -1]);

Deno.test("valueAndGrad: the loss, and a gradient for each parameter by its name", () => {
  const graph = trace(({ x, w, b }) => {
    const { value, grads } = valueAndGrad(({ w, b }) => sum(square(add(mul(x, w), b))), { w, b });
    return { value, w: grads.w, b: grads.b };
  }, { x: three, w: three, b: three });
  const { value, w: dw, b: db } = evaluate(graph, { x, w, b: tensor([3], [0, 1, 0]) });
  assertEquals([...value!.data], [0.25 + 9 + 9]);
  assertEquals([...db!.data], [1, -6, -6]);
  assertEquals([...dw!.data], [1, 12, -18]);
});

Deno.test("a loss that is no scalar is refused with its shape", () => {
  const x = input("x", [3]);
  assertThrows(() => grad(x, [x]), TypeError, "its shape is [3]");
  assertThrows(() => valueAndGrad(({ x }) => sin(x), { x }), TypeError, "its shape is [3]");
});

Deno.test("what a loss does not depend on has the gradient 0, and so has what is stopped", () => {
  const graph = trace(({ x, w }) => {
    const [dx, dw] = grad(sum(mul(exp(stopGradient(x)), 2)), [x, w]);
    return { dx: dx!, dw: dw! };
  }, { x: three, w: three });
  assertEquals(Object.values(evaluate(graph, { x, w })).map(({ data }) => [...data]), [[0, 0, 0], [0, 0, 0]]);
});

Deno.test("only what leads from parameters to the loss costs work", () => {
  const [x, w] = [input("x", [3]), input("w", [3])];
  const [dw] = grad(sum(mul(sin(exp(x)), w)), [w]);
  const names = topological([dw!]).map(({ op }) => op.name);
  assertEquals(names.filter((name) => name === "cos"), [], names.join());
});

Deno.test("pullback: cotangents of several results add up, none counts as 0", () => {
  const graph = trace(({ x, w }) => {
    const [a, b] = [mul(x, 3), mul(x, w)];
    const [both] = pullback([a, b], [w, x], [x]);
    const [one] = pullback([a, b], [w, null], [x]);
    return { both: both!, one: one! };
  }, { x: three, w: three });
  const { both, one } = evaluate(graph, { x, w });
  assertEquals([...one!.data], [1.5, 6, -3]);
  assertEquals([...both!.data], [1.5 + 0.5, 6 - 4, -3 - 3]);
});

Deno.test("the gradient of a gradient", () => {
  const graph = trace(({ x }) => {
    const [first] = grad(sum(mul(x, square(x))), [x]);
    const [second] = grad(sum(sub(first!, 1)), [x]);
    return { second: second! };
  }, { x: three });
  assertEquals([...evaluate(graph, { x }).second!.data], [6, -12, 18]);
});

Deno.test("the interpreter names an input that results need and nobody gave", () => {
  const graph = trace(({ x, w }) => ({ y: add(x, w) }), { x: three, w: three });
  assertThrows(() => evaluate(graph, { x }), TypeError, "input w was not given");
});

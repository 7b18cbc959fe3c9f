import { assert, assertEquals } from "@std/assert";
import { fold, key, normals } from "../../lib/core/random.ts";
import { type FloatTensor, type Shape, size, tensor } from "../../lib/core/tensor.ts";
import {
  add,
  checkpoint,
  evaluate,
  exp,
  grad,
  type Graph,
  matmul,
  mul,
  pullback,
  sin,
  square,
  sum,
  tanh,
  trace,
  type Value,
  valueAndGrad,
} from "../../lib/engine/mod.ts";
import { fuse } from "../../lib/engine/fuse.ts";
import { plan, planBytes } from "../../lib/engine/plan.ts";
import { simplify } from "../../lib/engine/simplify.ts";
import { showSteps } from "../../lib/engine/steps.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { assertClose } from "../assert_close.ts";

type Segment = (inputs: readonly Value[]) => readonly Value[];
type Run = (fn: Segment, inputs: readonly Value[]) => readonly Value[];

const plainly: Run = (fn, inputs) => fn(inputs);
const nested: Run = (fn, inputs) => checkpoint((again) => checkpoint(fn, again), inputs);
const kept: Run = (fn, inputs) => checkpoint(fn, inputs, { rematerialise: false });
const target = { software: true };

/** Blocks of three layers each, a segment each; loss and gradients by the input and all weights. */
function stack(run: Run, blocks: number, width = 32): Graph {
  const shapes: Record<string, Shape> = { x: [64, width] };
  for (let i = 0; i < 3 * blocks; i++) shapes[`w${i}`] = [width, width];
  const types = Object.entries(shapes).map(([name, shape]) => [name, { shape, dtype: "f32" }]);
  return trace((inputs: Readonly<Record<string, Value>>) => {
    const { value, grads } = valueAndGrad(({ x, ...w }) => {
      let h = x!;
      for (let block = 0; block < blocks; block++) {
        [h] = run(
          ([h]) => [[0, 1, 2].reduce((y, i) => tanh(matmul(y, w[`w${3 * block + i}`]!)), h!)],
          [h],
        ) as readonly [Value];
      }
      return sum(square(h));
    }, inputs);
    return { loss: value, ...Object.fromEntries(Object.entries(grads).map(([name, g]) => [`d ${name}`, g])) };
  }, Object.fromEntries(types));
}

function randomInputs({ inputs }: Graph, scale: number): Record<string, FloatTensor> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { shape }]) => [
      name,
      tensor(shape, normals(fold(key(1), name), size(shape)).map((x) => scale * x)),
    ]),
  );
}

Deno.test("a checkpoint changes no gradient, nor does one in another", () => {
  const inputs = randomInputs(stack(plainly, 2, 8), 0.3);
  const expected = evaluate(stack(plainly, 2, 8), inputs);
  for (const run of [checkpoint, nested]) {
    const found = evaluate(stack(run, 2, 8), inputs);
    for (const name of Object.keys(expected)) {
      assertClose(found[name]!.data, expected[name]!.data, 1e-6, `${run.name} ${name}`);
    }
  }
});

Deno.test("a segment that is kept has the gradients of one that is computed again, to the bit", () => {
  // The input of each segment leads on by two ways, so that three cotangents meet in it.
  const twice = (run: Run): Run => (fn, [x]) => [add(run(fn, [x!])[0]!, mul(x!, run(fn, [x!])[0]!))];
  const inputs = randomInputs(stack(plainly, 3, 8), 0.3);
  assertEquals(evaluate(stack(twice(kept), 3, 8), inputs), evaluate(stack(twice(checkpoint), 3, 8), inputs));
  const plain = fuse(simplify(stack(plainly, 3, 8))).steps.length;
  assertEquals(fuse(simplify(stack(kept, 3, 8))).steps.length, plain, "steps where everything is kept");
});

Deno.test("a checkpoint changes no gradient on the GPU", async () => {
  const runtime = gpuRuntime(await openGpu(navigator.gpu));
  const inputs = randomInputs(stack(plainly, 2, 8), 0.3);
  const [plain, lean] = await Promise.all([plainly, checkpoint].map(async (run) => {
    const program = await runtime.compile(stack(run, 2, 8));
    return await runtime.get(Object.values(program.run(inputs)));
  }));
  plain!.forEach(({ data }, i) => assertClose(lean![i]!.data, data, 1e-6, `output ${i}`));
});

Deno.test("with checkpoints a plan needs less memory and computes each segment once more", () => {
  const [plain, lean] = [plainly, checkpoint].map((run) => plan(stack(run, 8), target));
  assert(planBytes(lean!) < 0.75 * planBytes(plain!), `${planBytes(lean!)} of ${planBytes(plain!)} bytes`);
  const forwards = ({ dispatches }: typeof lean & object) =>
    dispatches.filter(({ kernel }) => kernel.name.startsWith("matmul_nn")).length;
  assertEquals(forwards(plain!), 24);
  assertEquals(forwards(lean!), 48);
});

Deno.test("without a gradient a checkpoint costs nothing", () => {
  const types = { x: { shape: [4, 4], dtype: "f32" }, w: { shape: [4, 4], dtype: "f32" } } as const;
  const forward = (run: Run) =>
    trace(({ x, w }) => ({ y: run(([h]) => [tanh(matmul(h!, w))], [exp(x)])[0]! }), types);
  const [plain, lean] = [plainly, checkpoint].map((run) => showSteps(fuse(simplify(forward(run)))));
  assertEquals(lean, plain);
  assertEquals(plain, "exp [4, 4]\nmatmul [4, 4] then tanh");
});

Deno.test("a segment of several results, some without a cotangent, and what it captures", () => {
  const types = { x: { shape: [3], dtype: "f32" }, w: { shape: [3], dtype: "f32" } } as const;
  const gradients = (run: Run) =>
    trace(({ x, w }) => {
      const scale = exp(w);
      const [a, b, same] = run(([y]) => [sin(mul(y!, scale)), mul(y!, y!), w], [add(x, w)]);
      const [dx, dw] = pullback([a!, b!], [b!, null], [x, w]);
      const [ex, ew] = pullback([b!], [a!], [x, w]);
      const [fw] = pullback([a!, same!], [b!, x], [w]);
      return { dx: dx!, dw: dw!, ex: ex!, ew: ew!, fw: fw! };
    }, types);
  const inputs = { x: tensor([3], [0.1, -0.4, 2]), w: tensor([3], [0.3, 0.2, -1]) };
  const expected = evaluate(gradients(plainly), inputs);
  const found = evaluate(gradients(checkpoint), inputs);
  for (const name of Object.keys(expected)) {
    assertClose(found[name]!.data, expected[name]!.data, 1e-6, name);
  }
});

Deno.test("segments that share what they capture, and one that captures what its input is made of", () => {
  const types = { x: { shape: [4, 4], dtype: "f32" }, w: { shape: [4, 4], dtype: "f32" } } as const;
  const gradients = (run: Run) =>
    trace(({ x, w }) => {
      const segment = ([h]: readonly Value[]) => [tanh(add(matmul(h!, w), exp(w)))];
      const [last] = [1, 2, 3].reduce<readonly Value[]>((from) => run(segment, from), [mul(x, w)]);
      const [dw, dx] = grad(sum(last!), [w, x]);
      return { dw: dw!, dx: dx! };
    }, types);
  const graph = gradients(plainly);
  const inputs = randomInputs(graph, 0.3);
  const expected = evaluate(graph, inputs);
  for (const run of [checkpoint, kept]) {
    const found = evaluate(gradients(run), inputs);
    for (const name of Object.keys(expected)) {
      assertClose(found[name]!.data, expected[name]!.data, 1e-5, name);
    }
  }
});

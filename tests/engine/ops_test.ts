import { assert } from "@std/assert";
import { fold, key, normals } from "../../lib/core/random.ts";
import { type FloatTensor, showShape, size, type Tensor, tensor } from "../../lib/core/tensor.ts";
import { add, evaluate, grad, type Graph, mul, sum, trace } from "../../lib/engine/mod.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { type OpCase, opCases, operandsOf } from "./op_cases.ts";

const seeds = [1, 2, 3];
const gpu = gpuRuntime(await openGpu(navigator.gpu));

for (const opCase of opCases) {
  Deno.test(`${opCase.name}: the GPU computes what the interpreter does, gradients included`, async () => {
    for (const seed of seeds) {
      const operands = operandsOf(opCase, key(seed));
      const graph = graphOf(opCase, operands, seed);
      const inputs = Object.fromEntries(operands.map((operand, i) => [`x${i}`, operand]));
      const expected = evaluate(graph, inputs);
      const program = await gpu.compile(graph);
      const results = program.run(inputs);
      const found = await gpu.get(Object.values(results));
      Object.keys(results).forEach((name, i) =>
        assertClose(found[i]!, expected[name]!, 2e-5, `${opCase.name}.${name}, seed ${seed}`)
      );
    }
  });

  if (opCase.smooth === false) continue;
  Deno.test(`${opCase.name}: its gradient is the slope of its values`, () => {
    for (const seed of seeds) {
      const operands = operandsOf(opCase, key(seed)) as FloatTensor[];
      const graph = graphOf(opCase, operands, seed);
      const run = (xs: readonly Tensor[]) =>
        evaluate(graph, Object.fromEntries(xs.map((x, i) => [`x${i}`, x])));
      const at = run(operands);
      const directions = operands.map((x, i) => normals(fold(key(seed), `direction ${i}`), size(x.shape)));
      const slope = directions.reduce(
        (total, direction, i) =>
          total + direction.reduce((part, d, j) => part + d * at[`d${i}`]!.data[j]!, 0),
        0,
      );
      const step = 1e-3;
      const moved = (sign: number) =>
        run(
          operands.map((x, i) =>
            tensor(x.shape, Float32Array.from(x.data, (v, j) => v + sign * step * directions[i]![j]!))
          ),
        );
      const difference = (moved(1).loss!.data[0]! - moved(-1).loss!.data[0]!) / (2 * step);
      const scale = Math.max(1, Math.abs(slope), ...operands.map((x) => Math.sqrt(x.data.length)));
      assert(
        Math.abs(slope - difference) <= 5e-3 * scale,
        `${opCase.name}, seed ${seed}, shapes ${
          operands.map((x) => showShape(x.shape))
        }: gradient ${slope}, slope ${difference}`,
      );
    }
  });
}

/** The value, a loss that weighs its elements differently, and the gradient by every operand. */
function graphOf({ fn, smooth = true }: OpCase, operands: readonly Tensor[], seed: number): Graph {
  return trace((inputs) => {
    const xs = operands.map((_, i) => inputs[`x${i}`]!);
    const y = fn(...xs);
    if (!smooth) return { y };
    const loss = sum(mul(y, add(y, seed)));
    return { y, loss, ...Object.fromEntries(grad(loss, xs).map((g, i) => [`d${i}`, g])) };
  }, Object.fromEntries(operands.map((x, i) => [`x${i}`, x])));
}

/** Fails with the largest error and its index, relative to the largest expected value. */
function assertClose(found: Tensor, expected: Tensor, tol: number, what: string): void {
  let largest = 1e-6;
  let worst = 0;
  const errorAt = (i: number) => Math.abs(found.data[i]! - expected.data[i]!);
  for (let i = 0; i < expected.data.length; i++) {
    largest = Math.max(largest, Math.abs(expected.data[i]!));
    if (!(errorAt(i) <= errorAt(worst))) worst = i;
  }
  const error = errorAt(worst) / largest;
  assert(
    error <= tol,
    `${what}, shape ${showShape(expected.shape)}: error ${error} at ${worst}: ${found.data[worst]} for ${
      expected.data[worst]
    }`,
  );
}

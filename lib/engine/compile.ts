/**
 * From a function of values to a program, in one go.
 * @module
 */

import type { TensorType } from "../core/tensor.ts";
import { trace, type Value } from "./graph.ts";
import type { Program, Runtime } from "./runtime.ts";

/**
 * Traces a pure function and prepares it to be run many times.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { compile, interpreter, tensor } from "@attune/attune";
 * import { add, matmul } from "@attune/attune/engine";
 *
 * const runtime = interpreter(); // Or gpuRuntime(await openGpu(navigator.gpu)).
 * const program = await compile(
 *   ({ x, w, b }) => ({ y: add(matmul(x, w), b) }),
 *   { x: { shape: [1, 2], dtype: "f32" }, w: { shape: [2, 2], dtype: "f32" }, b: { shape: [2], dtype: "f32" } },
 *   runtime,
 * );
 * const { y } = program.run({
 *   x: tensor([1, 2], [1, 2]),
 *   w: tensor([2, 2], [1, 2, 3, 4]),
 *   b: tensor([2], [10, 20]),
 * });
 * assertEquals(await runtime.get([y!]), [tensor([1, 2], [17, 30])]);
 * ```
 *
 * @param fn From named values to named values.
 * @param types What it will be given; tensors serve as well, for their types.
 * @param runtime Where it will run.
 */
export function compile<I extends string>(
  fn: (inputs: Readonly<Record<I, Value>>) => Readonly<Record<string, Value>>,
  types: Readonly<Record<I, TensorType>>,
  runtime: Runtime,
): Promise<Program> {
  return runtime.compile(trace(fn, types));
}

/**
 * This library as a contender.
 *
 * @module
 */

import type { F32, FloatTensor } from "../lib/core/tensor.ts";
import { type Graph, trace, type Value } from "../lib/engine/graph.ts";
import { conv2d, conv2dGradInput, conv2dGradWeight } from "../lib/engine/ops/conv2d.ts";
import { matmul } from "../lib/engine/ops/matmul.ts";
import type { GpuRuntime } from "../lib/gpu/runtime.ts";
import type { Library } from "./contender.ts";
import { type GemmCase, operandsOf, shapesOf } from "./gemm_case.ts";

/** The products on a runtime. */
export function attune(runtime: GpuRuntime): Library {
  return {
    name: "attune",
    prepare: async (gemm, operands) => {
      const inputs = inputsOf(runtime, operands);
      const program = await runtime.compile(gemmGraph(gemm));
      return {
        run: async (count) => {
          const results = Array.from({ length: count }, () => program.run(inputs).out!);
          const tensors = await runtime.get(results);
          runtime.free(results);
          return () => tensors.at(-1)!.data as F32;
        },
        free: () => {
          program.free();
          runtime.free(Object.values(inputs));
        },
      };
    },
  };
}

/** The graph of a product, of inputs `a` and `b`. */
export function gemmGraph(gemm: GemmCase): Graph {
  const { shapes: [a, b] } = operandsOf(gemm);
  const types = { a: { shape: a, dtype: "f32" }, b: { shape: b, dtype: "f32" } } as const;
  return trace(({ a, b }) => ({ out: multiply(gemm, a, b) }), types);
}

/** Operands where a runtime computes. */
export function inputsOf(runtime: GpuRuntime, [a, b]: readonly [FloatTensor, FloatTensor]) {
  return { a: runtime.put(a), b: runtime.put(b) };
}

function multiply({ layer, pass }: GemmCase, a: Value, b: Value): Value {
  if (layer.op === "matmul") {
    return matmul(a, b, { transposeA: pass === "grad_weight", transposeB: pass === "grad_input" });
  }
  const { x, w } = shapesOf(layer);
  const attrs = { stride: 1, padding: [1, 1, 1, 1] } as const;
  switch (pass) {
    case "forward":
      return conv2d(a, b, attrs);
    case "grad_input":
      return conv2dGradInput(a, b, { ...attrs, shape: x });
    case "grad_weight":
      return conv2dGradWeight(a, b, { ...attrs, shape: w });
  }
}

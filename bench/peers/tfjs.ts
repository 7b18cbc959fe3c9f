/**
 * TensorFlow.js on WebGPU as a contender; fetched only when a bench asks for it.
 *
 * @module
 */

import type { F32 } from "../../lib/core/tensor.ts";
import type { Library } from "../contender.ts";
import { type GemmCase, shapesOf } from "../gemm_case.ts";

const VERSION = "4.22.0";

/** What is used of the library. It is in no lock file and imported by a name that no tool looks into, so nobody else has to fetch it. */
interface Tfjs {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tensor(values: Float32Array, shape: readonly number[]): Array4;
  matMul(a: Array4, b: Array4, transposeA: boolean, transposeB: boolean): Array4;
  conv2d(x: Array4, w: Array4, stride: number, pad: string): Array4;
  engine(): {
    runKernel(name: string, inputs: Record<string, Array4>, attrs: Record<string, unknown>): Array4;
  };
}

interface Array4 {
  data(): Promise<Float32Array<ArrayBuffer>>;
  dispose(): void;
}

/** Loads the library. */
export async function tfjs(): Promise<Library> {
  const core = `npm:@tensorflow/tfjs-core@${VERSION}`;
  const backend = `npm:@tensorflow/tfjs-backend-webgpu@${VERSION}`;
  const tf: Tfjs = await import(core);
  await import(backend);
  if (!await tf.setBackend("webgpu")) throw new Error("Cannot measure tfjs as it finds no WebGPU");
  await tf.ready();
  return {
    name: `tfjs-webgpu ${VERSION}`,
    prepare: (gemm, operands) => {
      const [a, b] = operands.map(({ shape, data }) => tf.tensor(data as unknown as Float32Array, shape));
      return Promise.resolve({
        run: async (count) => {
          const results = Array.from({ length: count }, () => multiply(tf, gemm, a!, b!));
          const values = await Promise.all(results.map((result) => result.data()));
          results.forEach((result) => result.dispose());
          return () => values.at(-1)! as F32;
        },
        free: () => [a, b].forEach((array) => array!.dispose()),
      });
    },
  };
}

function multiply(tf: Tfjs, { layer, pass }: GemmCase, a: Array4, b: Array4): Array4 {
  if (layer.op === "matmul") return tf.matMul(a, b, pass === "grad_weight", pass === "grad_input");
  const { x, w } = shapesOf(layer);
  const attrs = { strides: [1, 1], pad: "same", dataFormat: "NHWC" };
  switch (pass) {
    case "forward":
      return tf.conv2d(a, b, 1, "same");
    case "grad_input":
      return tf.engine().runKernel("Conv2DBackpropInput", { dy: a, filter: b }, { ...attrs, inputShape: x });
    case "grad_weight":
      return tf.engine().runKernel("Conv2DBackpropFilter", { x: a, dy: b }, { ...attrs, filterShape: w });
  }
}

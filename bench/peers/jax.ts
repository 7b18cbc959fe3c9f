/**
 * jax-js on WebGPU as a contender; fetched only when a bench asks for it.
 *
 * Its images are channels-first and its convolutions `[outputs, inputs, kh, kw]`, which the operands are turned to beforehand.
 * It computes nothing before it is read, and what is called consumes its arguments unless they are held by `ref`.
 *
 * @module
 */

import { type F32, type Shape, size } from "../../lib/core/tensor.ts";
import type { Library } from "../contender.ts";
import { type GemmCase, operandsOf, shapesOf } from "../gemm_case.ts";

const VERSION = "0.1.25";

/** What is used of the library. It is in no lock file and imported by a name that no tool looks into, so nobody else has to fetch it. */
interface Jax {
  init(device: string): Promise<readonly string[]>;
  defaultDevice(device: string): unknown;
  jit(fn: (...args: JaxArray[]) => JaxArray): (...args: JaxArray[]) => JaxArray;
  vjp(
    fn: (arg: JaxArray) => JaxArray,
    primals: readonly JaxArray[],
  ): [JaxArray, (ct: JaxArray) => readonly JaxArray[]];
  readonly numpy: {
    array(values: Float32Array): JaxArray;
    zeros(shape: readonly number[]): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    transpose(a: JaxArray): JaxArray;
  };
  readonly lax: {
    convGeneralDilated(x: JaxArray, w: JaxArray, strides: readonly number[], padding: string): JaxArray;
  };
}

interface JaxArray {
  readonly ref: JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  data(): Promise<Float32Array<ArrayBuffer>>;
  dispose(): void;
}

/** Loads the library. */
export async function jax(): Promise<Library> {
  const specifier = `npm:@jax-js/jax@${VERSION}`;
  const jax: Jax = await import(specifier);
  const devices = await jax.init("webgpu");
  if (!devices.includes("webgpu")) throw new Error("Cannot measure jax-js as it finds no WebGPU");
  jax.defaultDevice("webgpu");
  return {
    name: `jax-js ${VERSION}`,
    prepare: (gemm, operands) => {
      const { names, result } = operandsOf(gemm);
      const [a, b] = operands.map(({ shape, data }, i) => {
        const order = orderOf(gemm, names[i]!);
        const turned = permute(data, shape, order);
        return jax.numpy.array(turned).reshape(order.map((axis) => shape[axis]!));
      });
      const call = jax.jit(multiply(jax, gemm));
      const names3 = { forward: "y", grad_input: "x", grad_weight: "w" } as const;
      const order = orderOf(gemm, names3[gemm.pass]);
      const back = order.map((_, axis) => order.indexOf(axis));
      const turned = order.map((axis) => result[axis]!);
      return Promise.resolve({
        run: async (count) => {
          const results = Array.from({ length: count }, () => call(a!.ref, b!.ref));
          const values = await Promise.all(results.map((result) => result.data()));
          return () => permute(values.at(-1)! as F32, turned, back) as F32;
        },
        free: () => [a, b].forEach((array) => array!.dispose()),
      });
    },
  };
}

/** The product; gradients as the library itself derives them. */
function multiply(
  { numpy, lax, vjp }: Jax,
  { layer, pass }: GemmCase,
): (a: JaxArray, b: JaxArray) => JaxArray {
  if (layer.op === "matmul") {
    switch (pass) {
      case "forward":
        return (x, w) => numpy.matmul(x, w);
      case "grad_input":
        return (y, w) => numpy.matmul(y, numpy.transpose(w));
      case "grad_weight":
        return (x, y) => numpy.matmul(numpy.transpose(x), y);
    }
  }
  const conv = (x: JaxArray, w: JaxArray) => lax.convGeneralDilated(x, w, [1, 1], "SAME");
  const { x, w } = shapesOf(layer);
  const pull = (fn: (arg: JaxArray) => JaxArray, like: Shape, ct: JaxArray) => {
    const [value, back] = vjp(fn, [numpy.zeros(like)]);
    value.dispose();
    return back(ct)[0]!;
  };
  const first = ([batch, height, width, channels]: Shape) => [batch!, channels!, height!, width!];
  const taps = ([kh, kw, inputs, outputs]: Shape) => [outputs!, inputs!, kh!, kw!];
  switch (pass) {
    case "forward":
      return conv;
    case "grad_input":
      return (ct, kernel) => pull((x) => conv(x, kernel), first(x), ct);
    case "grad_weight":
      return (image, ct) => pull((w) => conv(image, w), taps(w), ct);
  }
}

/** The engine's axes in the order the library has them. */
function orderOf({ layer }: GemmCase, name: string): readonly number[] {
  if (layer.op === "matmul") return [0, 1];
  return name === "w" ? [3, 2, 0, 1] : [0, 3, 1, 2];
}

/** Turns axes: axis `i` of the result is axis `order[i]`. */
function permute(data: F32, shape: Shape, order: readonly number[]): Float32Array<ArrayBuffer> {
  const strides = shape.map((_, axis) => size(shape.slice(axis + 1)));
  const extents = order.map((axis) => shape[axis]!);
  const steps = order.map((axis) => strides[axis]!);
  const out = new Float32Array(data.length);
  let next = 0;
  const walk = (axis: number, from: number): void => {
    if (axis === extents.length) {
      out[next++] = data[from]!;
      return;
    }
    for (let i = 0; i < extents[axis]!; i++) walk(axis + 1, from + i * steps[axis]!);
  };
  walk(0, 0);
  return out;
}

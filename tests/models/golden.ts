/**
 * Golden cases: a model's checkpoint, inputs, outputs and gradients as PyTorch computed them, and the comparison with ours.
 * @module
 */

import { assert } from "@std/assert";
import { type FloatTensor, type ParamTree, size, type Tensor, tensor } from "../../lib/core/tensor.ts";
import { grad, type Graph, input, interpreter, type Runtime, type Value } from "../../lib/engine/mod.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { openSafetensors } from "../../lib/io/safetensors.ts";
import { readFromMemory, readTensors } from "../../lib/io/weights_file.ts";
import { toCheckpoint, toEngine } from "../../lib/nn/layout.ts";
import { bindParams, type ParamSpec, type Scope } from "../../lib/nn/scope.ts";

/** Largest error of an output, as a part of the largest value. */
const OUTPUT_TOLERANCE = 3e-5;
/** Largest error of a gradient, as a part of the tensor's own largest value. */
const GRADIENT_TOLERANCE = 2e-4;
/** The smallest that counts as a tensor's largest value, as a part of the case's: some gradients are 0 but for rounding. */
const GRADIENT_FLOOR = 1e-2;

/** What computes in a test. */
export const runtimes: readonly { readonly name: string; readonly runtime: Runtime }[] = [
  { name: "interpreter", runtime: interpreter() },
  { name: "GPU", runtime: gpuRuntime(await openGpu(navigator.gpu)) },
];

/** A set of parameters and where the files keep it. */
export interface GoldenParams {
  /** The parameters that the model declares. */
  readonly specs: readonly ParamSpec[];
  /** Their values, by the declared names. */
  readonly values: ParamTree;
}

/** What a case expects of a model. */
export interface GoldenCase {
  /** Inputs by name, in the engine's layout. */
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** Sets of parameters, each of which the model gets as a scope, in this order. */
  readonly params: readonly GoldenParams[];
  /** Builds the outputs to compare, and the losses to differentiate, by the prefix that the files give their gradients. */
  readonly build: (scopes: readonly Scope[], inputs: Readonly<Record<string, Value>>) => GoldenGraph;
  /** Expected outputs by name, in the engine's layout. */
  readonly outputs: Readonly<Record<string, FloatTensor>>;
  /** Expected gradients of the parameters by prefix and name, in the checkpoint's layout. */
  readonly gradients: ParamTree;
  /** Expected gradients of inputs by prefix and name, in the engine's layout; default none. */
  readonly inputGradients?: Readonly<Record<string, FloatTensor>>;
}

/** A model's outputs and losses. */
export interface GoldenGraph {
  readonly outputs: Readonly<Record<string, Value>>;
  readonly losses: Readonly<Record<string, Value>>;
}

/**
 * Runs a case on a runtime and compares every output and gradient that the case expects.
 *
 * @throws {AssertionError} Naming the tensor and its largest error.
 */
export async function checkGolden(runtime: Runtime, golden: GoldenCase): Promise<void> {
  const given: Record<string, Tensor> = { ...golden.inputs };
  const values: Record<string, Value> = {};
  const addInput = (name: string, data: Tensor) => {
    given[name] = data;
    return values[name] = input(name, data.shape, data.dtype);
  };
  const inputs = Object.fromEntries(
    Object.entries(golden.inputs).map(([name, data]) => [name, addInput(name, data)]),
  );
  const shapes = new Map<string, readonly number[]>();
  const scopes = golden.params.map(({ specs, values: checkpoint }, i) =>
    bindParams(Object.fromEntries(specs.map(({ name, shape }) => {
      shapes.set(name, shape);
      return [name, addInput(`${i}:${name}`, toEngine(checkpoint[name]!))];
    })))
  );
  const { outputs, losses } = golden.build(scopes, inputs);
  const results: Record<string, Value> = { ...outputs };
  const wanted: Record<string, FloatTensor> = { ...golden.gradients, ...golden.inputGradients };
  for (const [prefix, loss] of Object.entries(losses)) {
    const names = Object.keys(wanted).filter((name) => name.startsWith(`${prefix}.`));
    const wrt = names.map((name) => valueOf(values, name.slice(prefix.length + 1)));
    grad(loss, wrt).forEach((value, i) => results[names[i]!] = value);
  }
  const found = await run(runtime, { inputs: values, outputs: results }, given);
  for (const [name, expected] of Object.entries(golden.outputs)) {
    assertClose(found[name]!, expected, OUTPUT_TOLERANCE * largest([expected]), name);
  }
  for (const prefix of Object.keys(losses)) {
    const names = Object.keys(wanted).filter((name) => name.startsWith(`${prefix}.`));
    const floor = GRADIENT_FLOOR * largest(names.map((name) => wanted[name]!));
    for (const name of names) {
      const tolerance = GRADIENT_TOLERANCE * Math.max(floor, largest([wanted[name]!]));
      const shape = shapes.get(name.slice(prefix.length + 1));
      const own = shape ? toCheckpoint(found[name]!, shape) : found[name]!;
      assertClose(own, wanted[name]!, tolerance, name);
    }
  }
}

/** Reads a safetensors file of the golden folder. */
export async function readGolden(name: string): Promise<ParamTree> {
  const bytes = await Deno.readFile(new URL(`../golden/${name}.safetensors`, import.meta.url));
  return readTensors(await openSafetensors(readFromMemory(bytes), bytes.length));
}

/** Reads a JSON file of the golden folder. */
export async function readGoldenJson(name: string): Promise<Record<string, unknown>> {
  return JSON.parse(await Deno.readTextFile(new URL(`../golden/${name}.json`, import.meta.url)));
}

/** The tensors whose names start so, by what follows; or by the whole name with `keep`. */
export function withPrefix(
  tree: ParamTree,
  prefix: string,
  { keep = false } = {},
): Record<string, FloatTensor> {
  return Object.fromEntries(
    Object.entries(tree).filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [keep ? name : name.slice(prefix.length), value]),
  );
}

/** Brings images from `[B, C, H, W]` to `[B, H, W, C]`. */
export function channelsLast({ shape, data }: FloatTensor): FloatTensor {
  const [batch, channels, height, width] = shape as readonly [number, number, number, number];
  const pixels = height * width;
  const out = new Float32Array(size(shape));
  for (let i = 0; i < out.length; i++) {
    const [b, c, pixel] = [
      Math.floor(i / (channels * pixels)),
      Math.floor(i / pixels) % channels,
      i % pixels,
    ];
    out[(b * pixels + pixel) * channels + c] = data[i]!;
  }
  return tensor([batch, height, width, channels], out);
}

/**
 * Asserts that no element is further off than the tolerance.
 *
 * @throws {AssertionError} With the largest error and where it is.
 */
export function assertClose(found: Tensor, expected: Tensor, tolerance: number, name: string): void {
  assert(
    found.shape.join() === expected.shape.join(),
    `${name}: shape [${found.shape}] instead of [${expected.shape}]`,
  );
  let worst = 0;
  let error = 0;
  expected.data.forEach((value, i) => {
    const difference = Math.abs(found.data[i]! - value);
    const off = Number.isNaN(difference) ? Infinity : difference;
    if (off > error) [worst, error] = [i, off];
  });
  assert(
    error <= tolerance,
    `${name} [${expected.shape}]: largest error ${error} at ${worst}, where ${
      found.data[worst]
    } was found instead of ` +
      `${expected.data[worst]}; the tolerance is ${tolerance}`,
  );
}

/** Compiles and runs a graph once and reads all its results. */
export async function run(
  runtime: Runtime,
  graph: Graph,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<Record<string, FloatTensor>> {
  const program = await runtime.compile(graph);
  const results = program.run(inputs);
  const tensors = await runtime.get(Object.values(results));
  runtime.free(Object.values(results));
  program.free();
  return Object.fromEntries(Object.keys(results).map((name, i) => [name, tensors[i] as FloatTensor]));
}

function valueOf(values: Readonly<Record<string, Value>>, name: string): Value {
  const found = Object.entries(values).find(([key]) =>
    key === name || key.slice(key.indexOf(":") + 1) === name
  );
  assert(found, `the case expects a gradient of ${name}, which is no input and no parameter`);
  return found[1];
}

function largest(tensors: readonly FloatTensor[]): number {
  return tensors.reduce((max, { data }) => data.reduce((m, v) => Math.max(m, Math.abs(v)), max), 0);
}

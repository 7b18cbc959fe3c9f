import { assert, assertEquals } from "@std/assert";
import { fold, key, normals } from "../../lib/core/random.ts";
import { size, type Tensor, tensor } from "../../lib/core/tensor.ts";
import { evaluate, type Graph, topological } from "../../lib/engine/mod.ts";
import { plan } from "../../lib/engine/plan.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { assertClose } from "../assert_close.ts";
import { opCases, traced } from "./op_cases.ts";

const seeds = [1, 2, 3];
const gpu = await openGpu(navigator.gpu);
const targets = [{ software: true }, { software: false }] as const;
const runtimes = targets.map((target) => gpuRuntime({ ...gpu, target }));

for (const opCase of opCases) {
  Deno.test(`${opCase.name}: the GPU computes what the interpreter does, gradients included`, async () => {
    for (const seed of seeds.slice(1)) {
      const { graph, inputs, what } = traced(opCase, seed);
      const expected = evaluate(graph, inputs);
      for (const [i, runtime] of runtimes.entries()) {
        if (i > 0 && (seed !== seeds[1] || !dependsOnTarget(graph))) continue;
        const program = await runtime.compile(graph);
        const results = program.run(inputs);
        const found = await runtime.get(Object.values(results));
        Object.keys(results).forEach((name, n) =>
          assertClose(
            found[n]!.data,
            expected[name]!.data,
            2e-5,
            `${what}, ${name}, ${JSON.stringify(targets[i])}`,
          )
        );
        runtime.free(Object.values(results));
        program.free();
      }
    }
  });

  if (opCase.smooth === false) continue;
  Deno.test(`${opCase.name}: its gradient is the slope of its values`, () => {
    for (const seed of seeds) {
      const { graph, inputs, what } = traced(opCase, seed);
      const gradients = evaluate(graph, inputs);
      const along = Object.fromEntries(
        Object.entries(gradients).filter(([name]) => name.startsWith("d ")).map(([name, { shape }]) => [
          name.slice(2),
          normals(fold(key(seed), name), size(shape)),
        ]),
      );
      const slope = sumOver(along, (name, i) => gradients[`d ${name}`]!.data[i]! * along[name]![i]!);
      const step = 1e-3;
      const [ahead, behind] = [step, -step].map((by) => evaluate(graph, moved(inputs, along, by)));
      const weights = Object.fromEntries(
        Object.keys(graph.outputs).filter((name) => name.startsWith("y"))
          .map((name) => [name, inputs[`weight ${name}`]!.data as ArrayLike<number>]),
      );
      const rise = sumOver(
        weights,
        (y, i) => weights[y]![i]! * (ahead![y]!.data[i]! - behind![y]!.data[i]!),
      );
      const widths = Object.values(along).map(({ length }) => Math.sqrt(length));
      assert(
        Math.abs(slope - rise / (2 * step)) <= 5e-3 * Math.max(1, Math.abs(slope), ...widths),
        `${what}: gradient ${slope}, slope ${rise / (2 * step)}`,
      );
    }
  });
}

Deno.test("every op of lib/engine/ops is part of a row", async () => {
  const folder = new URL("../../lib/engine/ops/", import.meta.url);
  const covered = new Set(
    opCases.flatMap((opCase) => {
      const { graph } = traced({ ...opCase, smooth: false }, seeds[0]!);
      return topological(Object.values(graph.outputs)).map(({ op }) => op.name);
    }),
  );
  const defined: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const text = await Deno.readTextFile(new URL(name, folder));
    const names = [...text.matchAll(NAMED)].map(([, op]) => op!);
    const definitions = text.match(/: OpDef<|= (binary|unary)\(|: View<|= elementwise\(/g) ?? [];
    assert(
      names.length > 0 || definitions.length === 0,
      `${name} defines ops in a way this test cannot read`,
    );
    defined.push(...names);
  }
  assert(defined.length >= 40, `only ${defined.length} ops were found`);
  assertEquals(defined.filter((op) => !covered.has(op)), [], "ops without a row in op_cases.ts");
});

/** Where the ops of a file are named. */
const NAMED = /(?:name: |\b(?:binary|unary|elementwise|view|reduction|gradient)\()"(\w+)"/g;

/** Whether kernels are written differently for hardware. */
function dependsOnTarget(graph: Graph): boolean {
  const [a, b] = targets.map((target) =>
    plan(graph, target).dispatches.map(({ kernel }) => kernel.code).join()
  );
  return a !== b;
}

/** Adds up what belongs to every element of some arrays. */
function sumOver(
  arrays: Readonly<Record<string, ArrayLike<number>>>,
  term: (name: string, i: number) => number,
): number {
  let total = 0;
  for (const [name, { length }] of Object.entries(arrays)) {
    for (let i = 0; i < length; i++) total += term(name, i);
  }
  return total;
}

function moved(
  inputs: Readonly<Record<string, Tensor>>,
  along: Readonly<Record<string, Float32Array>>,
  by: number,
): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, x]) => [
      name,
      name in along ? tensor(x.shape, along[name]!.map((d, i) => x.data[i]! + by * d)) : x,
    ]),
  );
}

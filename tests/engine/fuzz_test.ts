import { assertEquals } from "@std/assert";
import { evaluate } from "../../lib/engine/mod.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { assertClose } from "../assert_close.ts";
import { randomGraph } from "./random_graphs.ts";

const runtime = gpuRuntime(await openGpu(navigator.gpu));

Deno.test("random graphs: the GPU computes what the interpreter does, and the same bits again", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const { graph, inputs, what } = randomGraph(seed, 5, seed % 3 === 0);
    const expected = evaluate(graph, inputs);
    const program = await runtime.compile(graph);
    const runs = [program.run(inputs), program.run(inputs)];
    const [found, again] = await Promise.all(runs.map((results) => runtime.get(Object.values(results))));
    Object.keys(expected).forEach((name, i) =>
      assertClose(found![i]!.data, expected[name]!.data, 1e-4, `${what}, ${name}`)
    );
    assertEquals(again, found, what);
    for (const results of runs) runtime.free(Object.values(results));
    program.free();
  }
});

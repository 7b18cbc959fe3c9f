import { assertEquals } from "@std/assert";
import { grad, interpreter, mul, sum, trace } from "../../lib/engine/mod.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { differentiablePixels, pixelMatrices } from "../../lib/models/pixel_gradient.ts";
import { clipPixels, pixelTables, pixelValues } from "../../lib/models/pixel_values.ts";
import { assertClose } from "../assert_close.ts";
import { goldenRecord, goldenTensors } from "../golden_files.ts";

const { sizes } = await goldenRecord<{ readonly sizes: Readonly<Record<string, number>> }>("pixel_gradient");
const tensors = await goldenTensors("pixel_gradient");
const runtimes = { interpreter: interpreter(), GPU: gpuRuntime(await openGpu(navigator.gpu)) };

for (const [place, runtime] of Object.entries(runtimes)) {
  for (const [name, size] of Object.entries(sizes)) {
    Deno.test(`${place}: pixel values have the gradient of PyTorch's resize, ${name}`, async () => {
      const [images, cotangent] = [tensors[`input.${name}`]!, tensors[`cotangent.${name}`]!];
      const [, height, width] = images.shape as readonly [number, number, number];
      const tables = pixelTables({ ...clipPixels, size }, height, width);
      const inputs = { images, cotangent, ...tables, ...pixelMatrices(tables, height, width) };
      const graph = trace(({ images, cotangent, ...tables }) => {
        const y = differentiablePixels(images, tables);
        return {
          y,
          exact: pixelValues(images, tables),
          gradient: grad(sum(mul(y, cotangent)), [images])[0]!,
        };
      }, inputs);
      const program = await runtime.compile(graph);
      const { y, exact, gradient } = program.run(inputs);
      const [a, b, c] = await runtime.get([y!, exact!, gradient!]);
      runtime.free(new Set([y!, exact!, gradient!]));
      program.free();
      assertEquals(a, b);
      assertClose(c!.data, tensors[`grad.${name}`]!.data, 1e-5, name);
    });
  }
}

import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { type FloatTensor, size, tensor } from "../../lib/core/tensor.ts";
import { interpreter, trace } from "../../lib/engine/mod.ts";
import type { Runtime } from "../../lib/engine/runtime.ts";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { clipPixels, type PixelConfig, pixelTables, pixelValues } from "../../lib/models/pixel_values.ts";
import { goldenRecord, goldenTensors } from "../golden_files.ts";
import { seededImage } from "../seeded_image.ts";

interface GoldenCase {
  readonly name: string;
  readonly library: PixelConfig["library"];
  readonly size: number;
  readonly seed: number;
  readonly height: number;
  readonly width: number;
  readonly sha256: string;
}

const { cases } = await goldenRecord<{ readonly cases: readonly GoldenCase[] }>("pixel_values");
const tensors = await goldenTensors("pixel_values");
const runtimes = { interpreter: interpreter(), GPU: gpuRuntime(await openGpu(navigator.gpu)) };

async function prepared(runtime: Runtime, config: PixelConfig, images: FloatTensor): Promise<FloatTensor> {
  const [, height, width] = images.shape;
  const inputs = { images, ...pixelTables(config, height!, width!) };
  const program = await runtime.compile(
    trace(({ images, ...tables }) => ({ y: pixelValues(images, tables) }), inputs),
  );
  const { y } = program.run(inputs);
  const [found] = await runtime.get([y!]);
  runtime.free([y!]);
  program.free();
  return found as FloatTensor;
}

for (const [place, runtime] of Object.entries(runtimes)) {
  Deno.test(`${place}: pixel values have the bits of Pillow, transformers and torchvision`, async () => {
    for (const { name, library, size, seed, height, width, sha256 } of cases) {
      const config = { ...clipPixels, size, library };
      const found = await prepared(runtime, config, seededImage(seed, height, width));
      assertEquals(found.shape, [1, size, size, 3], name);
      if (tensors[name]) assertEquals(found.data, tensors[name].data, name);
      const bytes = new Uint8Array(found.data.buffer, found.data.byteOffset, found.data.byteLength);
      assertEquals(createHash("sha256").update(bytes).digest("hex"), sha256, name);
    }
  });

  Deno.test(`${place}: images are rounded half to even, clamped, and prepared each by itself`, async () => {
    const config = { ...clipPixels, size: 2, mean: [0, 0, 0], std: [1, 1, 1] } as const;
    // Times 255, in f32: 25.5, 76.5, 127.5, 178.5, 229.5, and half a level beyond both ends.
    const levels = [0.1, 0.3, 0.5, 0.7, 0.9, -0.01, 1.01, 0.25];
    const images = tensor([2, 2, 2, 3], Array.from({ length: 24 }, (_, i) => levels[i % 8]!));
    const bytes = [26, 76, 128, 178, 230, 0, 255, 64].map((byte) => Math.fround(byte / 255));
    const found = await prepared(runtime, config, images);
    assertEquals([...found.data], Array.from({ length: size(images.shape) }, (_, i) => bytes[i % 8]));
  });
}

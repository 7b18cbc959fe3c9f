/**
 * Adapters of the embedded model against diffusers and PEFT: their files as we read them, ours as they read them, and the images of
 * both. What is expected comes from `tests/golden/lora.py`.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openGpu } from "../../lib/gpu/device.ts";
import { gpuRuntime } from "../../lib/gpu/runtime.ts";
import { type LoraFormat, loraLayouts } from "../../lib/io/lora_layouts.ts";
import { declareUNetLora } from "../../lib/models/unet_2d_condition.ts";
import { parseLoraConfig } from "../../lib/models/lora.ts";
import { parseUNetConfig } from "../../lib/models/unet_config.ts";
import { type AdapterFile, adaptersFor, readAdapterFile } from "../../pipelines/adapters.ts";
import { exportLora } from "../../pipelines/export.ts";
import { readJson, readWeights } from "../../pipelines/files.ts";
import { modelFolder } from "../../pipelines/load/model_folder.ts";
import { loadPipeline } from "../../pipelines/load_pipeline.ts";
import { drawAll, makeSampler, type Wish } from "../../pipelines/sampler.ts";
import { assertClose } from "../models/golden.ts";
import { goldenRecord, goldenTensors } from "../golden_files.ts";

interface Golden {
  readonly wishes: readonly (readonly [string, number])[];
  readonly steps: number;
  readonly guidance: number;
  readonly rank: number;
  readonly layers: number;
  readonly sha256: Readonly<Partial<Record<LoraFormat, string>>>;
}

/** How far a pixel, from 0 to 1, may be off; 3e-6 was seen. */
const TOLERANCE = 1e-4;

const golden = await goldenRecord<Golden>("lora");
const mini = await modelFolder("mini");
const unet = parseUNetConfig(await readJson(join(mini, "unet/config.json")));
const specs = declareUNetLora(unet, parseLoraConfig({ rank: golden.rank }));
const formats = Object.keys(loraLayouts) as LoraFormat[];

function readTool(file: string): Promise<AdapterFile> {
  return readAdapterFile(fileURLToPath(new URL(`../golden/${file}`, import.meta.url)));
}

async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("files that diffusers, PEFT and torch wrote hold the same adapters, in folders, too", async () => {
  const tools: readonly [string, LoraFormat][] = [
    ["lora_diffusers.safetensors", "peft"],
    ["lora_diffusers_scripts.safetensors", "diffusers"],
    ["lora_kohya.safetensors", "kohya"],
    ["lora_peft", "peft"],
    ["lora_reference", "reference"],
    ["lora_reference/pytorch_lora_weights.bin", "reference"],
  ];
  const expected = adaptersFor(await readTool(tools[0]![0]), specs);
  for (const [file, format] of tools) {
    const found = await readTool(file);
    assertEquals([found.formats, found.rank, found.layers], [[format], golden.rank, golden.layers], file);
    const adapters = adaptersFor(found, specs);
    for (const [name, param] of Object.entries(expected)) {
      // PEFT's file has an alpha of twice the rank, and halves half as large, of which the smallest lose their last bit.
      assertClose(adapters[name]!, param, file.startsWith("lora_peft") ? 2 ** -24 : 0, `${file}: ${name}`);
    }
  }
});

Deno.test("the files that we export are those which diffusers and PEFT loaded", async () => {
  const lora = await readTool("lora_diffusers.safetensors");
  await withFolder(async (folder) => {
    for (const format of formats) {
      const out = join(folder, `${format}.safetensors`);
      await exportLora({ lora, format, dtype: "F32", out });
      const hash = createHash("sha256").update(await Deno.readFile(out)).digest("hex");
      // Kohya's metadata have a date; what diffusers writes in that layout is the same tensor by tensor.
      if (format !== "kohya") assertEquals(hash, golden.sha256[format], format);
      else {
        const theirs = fileURLToPath(new URL("../golden/lora_kohya.safetensors", import.meta.url));
        assertEquals(await readWeights(out), await readWeights(theirs));
      }
    }
  });
});

Deno.test("with them, from the same noise, our images are those of diffusers", async () => {
  const expected = await goldenTensors("lora");
  const runtime = gpuRuntime(await openGpu(navigator.gpu));
  const wishes: Wish[] = golden.wishes.map(([prompt, seed]) => ({ prompt, seed }));
  const { models, free } = await loadPipeline(runtime, mini, { lora: { rank: golden.rank } });
  const sampler = await makeSampler(runtime, models, {
    num_steps: golden.steps,
    guidance_scale: golden.guidance,
    eta: 0,
    batch_size: wishes.length,
  });
  const lora = await readTool("lora_diffusers.safetensors");
  await withFolder(async (folder) => {
    assertClose(await drawAll(sampler.draw(wishes, null)), expected["images.base"]!, TOLERANCE, "base");
    for (const format of formats) {
      const out = join(folder, `${format}.safetensors`);
      await exportLora({ lora, format, dtype: "F32", out });
      const adapters = adaptersFor(await readAdapterFile(out), models.policy.specs);
      const images = await drawAll(sampler.draw(wishes, { params: adapters, strength: 1 }));
      assertClose(images, expected["images.adapted"]!, TOLERANCE, format);
    }
  });
  sampler.free();
  await free();
});

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { halfsToFloats } from "../../lib/core/half.ts";
import { full, type Tensor } from "../../lib/core/tensor.ts";
import { interpreter } from "../../lib/engine/mod.ts";
import { writeSafetensors } from "../../lib/io/safetensors.ts";
import { readWeights } from "../../pipelines/files.ts";
import { loadPipeline } from "../../pipelines/load_pipeline.ts";
import type { Precision } from "../../pipelines/load/precision.ts";
import { UsageError } from "../../pipelines/usage_error.ts";
import { rewriteTensors, UNET_FILE, withTinyModel } from "./tiny_model.ts";

const FILES = [
  UNET_FILE,
  "vae/diffusion_pytorch_model.safetensors",
  "text_encoder/model.safetensors",
  "rewards/clip/model.safetensors",
  "rewards/mini_aesthetic/model.safetensors",
];

/** Every weight of a model and its judges. */
async function weightsOf(model: string, precision: Precision): Promise<Tensor[]> {
  const { models, judges, runtime } = await loadPipeline(interpreter(), model, {
    precision,
    rewards: ["mini_aesthetic"],
  });
  const { weights } = await judges.encoder("clip");
  const trees = [models.text.weights, models.policy.weights, models.decoder.weights, weights];
  const head = await judges.aestheticHead("mini_aesthetic");
  return await runtime.get([...trees, head].flatMap((tree) => Object.values(tree)));
}

const values = (x: Tensor) => x.dtype === "f16" ? halfsToFloats(x.data) : x.data;

Deno.test("weights rounded to halves are those of a file of halves, bit for bit, and files of halves can be widened", async () => {
  await withTinyModel(async (model) => {
    const whole = await weightsOf(model, "stored");
    assertEquals(await weightsOf(model, "f32"), whole);
    const rounded = await weightsOf(model, "f16_weights");
    assert(rounded.some(({ dtype }) => dtype === "f16") && rounded.some(({ dtype }) => dtype === "f32"));
    for (const file of FILES) {
      const path = join(model, file);
      await Deno.writeFile(path, writeSafetensors(await readWeights(path), { dtype: "F16" }));
    }
    assertEquals(await weightsOf(model, "stored"), rounded);
    assertEquals(await weightsOf(model, "f16_weights"), rounded);
    const wide = await weightsOf(model, "f32");
    assert(wide.every(({ dtype }) => dtype === "f32"));
    assertEquals(wide.map(values), rounded.map(values));
  });
});

Deno.test("a weight beyond halves is refused by name where it would be rounded, and there alone", async () => {
  await withTinyModel(async (model) => {
    const path = join(model, UNET_FILE);
    for (const [name, shape] of [["conv_in.bias", [8]], ["conv_in.weight", [8, 4, 3, 3]]] as const) {
      const tree = await readWeights(path);
      await rewriteTensors(path, { ...tree, [name]: full(shape, -65505) });
      const { message } = await assertRejects(() => weightsOf(model, "f16_weights"), UsageError);
      assertStringIncludes(
        message,
        `${UNET_FILE} in half precision as the tensor ${name} does not fit: ` +
          "element 0 is -65505, beyond 65504; set mixed_precision=f32",
      );
      await weightsOf(model, "stored");
      await rewriteTensors(path, { ...tree, [name]: full(shape, -65504) });
      await weightsOf(model, "f16_weights");
    }
  });
});

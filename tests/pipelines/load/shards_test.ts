import { assertEquals, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { basename, join } from "node:path";
import { full } from "../../../lib/core/tensor.ts";
import { interpreter } from "../../../lib/engine/mod.ts";
import { writeSafetensors } from "../../../lib/io/safetensors.ts";
import { readWeights } from "../../../pipelines/files.ts";
import { loadPipeline } from "../../../pipelines/load_pipeline.ts";
import { torchFileOf } from "../../io/torch_writer.ts";
import { rewriteTensors, UNET_FILE, withTinyModel } from "../tiny_model.ts";

/** Where shards lie, as diffusers and transformers name them and their index. */
const SHARDED: readonly { readonly file: string; readonly index: string; readonly shard: string }[] = [
  {
    file: UNET_FILE,
    index: "unet/diffusion_pytorch_model.safetensors.index.json",
    shard: "unet/diffusion_pytorch_model-0000N-of-00003.safetensors",
  },
  {
    file: "vae/diffusion_pytorch_model.safetensors",
    index: "vae/diffusion_pytorch_model.safetensors.index.fp16.json",
    shard: "vae/diffusion_pytorch_model.fp16-0000N-of-00003.safetensors",
  },
  {
    file: "text_encoder/model.safetensors",
    index: "text_encoder/pytorch_model.bin.index.json",
    shard: "text_encoder/pytorch_model-0000N-of-00003.bin",
  },
  {
    file: "rewards/mini_pick/model.safetensors",
    index: "rewards/mini_pick/model.safetensors.index.json",
    shard: "rewards/mini_pick/model-0000N-of-00003.safetensors",
  },
];

Deno.test("weights in shards are those in one file, and each shard counts for the hash", async () => {
  await withTinyModel(async (model) => {
    const weights = async () => {
      const pipeline = await loadPipeline(interpreter(), model, { rewards: ["mini_pick"] });
      const { models, judges, runtime, hash } = pipeline;
      const all = [models.text, models.policy, models.decoder, await judges.encoder("mini_pick")];
      const arrays = await runtime.get(all.flatMap(({ weights }) => Object.values(weights)));
      return { arrays, hash };
    };
    const { arrays } = await weights();
    for (const part of SHARDED) await cut(model, part);
    const cutUp = await weights();
    assertEquals(cutUp.arrays, arrays);
    const last = join(model, SHARDED[0]!.shard.replace("N", "3"));
    const tree = await readWeights(last);
    const [name, { shape }] = Object.entries(tree)[0]!;
    await rewriteTensors(last, { ...tree, [name]: full(shape, 2) });
    assertNotEquals((await weights()).hash, cutUp.hash);
  });
});

Deno.test("shards that do not fit their index are refused in one line that names shard and tensor", async () => {
  await withTinyModel(async (model) => {
    const { index, shard } = SHARDED[0]!;
    await cut(model, SHARDED[0]!);
    const [first, second] = [1, 2].map((n) => join(model, shard.replace("N", String(n)))) as [string, string];
    const path = join(model, index);
    const saved = await Promise.all([path, first, second].map((file) => Deno.readFile(file)));
    const map: Record<string, string> = JSON.parse(await Deno.readTextFile(path)).weight_map;
    const [name] = Object.keys(await readWeights(first));
    const { [name!]: _, ...fewer } = map;
    const listing = (weight_map: unknown) => Deno.writeTextFile(path, JSON.stringify({ weight_map }));
    const cases: readonly [string, () => Promise<void>][] = [
      [`a shard that it lists is not there: ${basename(second)}; `, () => Deno.remove(second)],
      [`${basename(first)} holds a tensor that it lists nowhere: found ${name};`, () => listing(fewer)],
      [
        `${basename(first)} holds a tensor that it lists under ${basename(second)}: found ${name};`,
        () => listing({ ...map, [name!]: basename(second) }),
      ],
      [
        `${basename(first)} lacks a tensor that it lists there: found extra;`,
        () => listing({ ...map, extra: basename(first) }),
      ],
      [`${second}: Cannot read a safetensors file as`, () => Deno.writeFile(second, saved[2]!.slice(0, -4))],
      ['does not name a file beside it for tensor a: found "../x";', () => listing({ a: "../x" })],
      ["does not name a file beside it for tensor a: found 3;", () => listing({ a: 3 })],
      ["it has no weight_map of tensors to files: found undefined;", () => listing(undefined)],
      ["its weight_map names no tensor", () => listing({})],
      ["it is not JSON", () => Deno.writeTextFile(path, "{")],
    ];
    for (const [expected, damage] of cases) {
      await damage();
      const error = await assertRejects(() => loadPipeline(interpreter(), model), SyntaxError);
      assertStringIncludes(error.message, expected);
      assertStringIncludes(error.message, path);
      assertEquals(error.message.split("\n").length, 1, error.message);
      for (const [i, file] of [path, first, second].entries()) await Deno.writeFile(file, saved[i]!);
    }
  }, { rewards: false });
});

/** Cuts a file of weights into three, every third tensor to a shard. */
async function cut(model: string, { file, index, shard }: typeof SHARDED[number]): Promise<void> {
  const all = Object.entries(await readWeights(join(model, file)));
  const encode = shard.endsWith(".bin") ? torchFileOf : writeSafetensors;
  const map: [string, string][] = [];
  for (const n of [1, 2, 3]) {
    const own = all.filter((_, i) => i % 3 === n - 1);
    const path = shard.replace("N", String(n));
    await Deno.writeFile(join(model, path), encode(Object.fromEntries(own)));
    map.push(...own.map(([name]): [string, string] => [name, basename(path)]));
  }
  await Deno.writeTextFile(
    join(model, index),
    JSON.stringify({ metadata: { total_size: 1 }, weight_map: Object.fromEntries(map) }),
  );
  await Deno.remove(join(model, file));
}

/**
 * The rewards of the mini model: what each learns its taste from, and what becomes of it.
 * @module
 */

import { pickRows } from "../../lib/core/rows.ts";
import type { FloatTensor, ParamTree } from "../../lib/core/tensor.ts";
import { aestheticHead, calibrateHead } from "../../lib/rewards/aesthetic_head.ts";
import { batchedModel } from "../../lib/rewards/batched.ts";
import type { DualEncoderConfig } from "../../lib/rewards/dual_encoder.ts";
import { fitter, imageEmbedder } from "../../lib/rewards/embedder.ts";
import { miniHpsConfig, miniPickConfig } from "../../lib/rewards/mini_configs.ts";
import { writeSafetensors } from "../../lib/io/safetensors.ts";
import { putWeights } from "../../lib/stages/weights.ts";
import { exists, readWeights, writeAtomically } from "../files.ts";
import type { JudgeName } from "../load/judge_configs.ts";
import { openJudges } from "../load/judges.ts";
import { loadPipeline } from "../load_pipeline.ts";
import { readPrompts } from "../prompts.ts";
import { drawAll, makeSampler } from "../sampler.ts";
import type { Kit, Part } from "./parts.ts";
import { aestheticLesson, judgeLesson } from "./taste_lessons.ts";
import { type TastePool, tastePool } from "./taste_pool.ts";

/** How the base model draws the images that are judged. */
const DRAWING = { num_steps: 8, eta: 1, guidance_scale: 3, batch_size: 64 };
/** The seeds of those images; runs count theirs from 0. */
const SEEDS = Array.from({ length: 32 }, (_, i) => 100_000 + i);

/** Every reward by name, in the order they are made. */
export const tasteParts: Readonly<Record<string, Part>> = {
  mini_aesthetic: {
    lesson: async (kit, batch) => {
      const pool = await poolOf(kit);
      return aestheticLesson(pool, await embeddingsOf(kit, pool), batch);
    },
    finish: async (kit, learned, write) => {
      const pool = await poolOf(kit);
      const embeddings = await embeddingsOf(kit, pool);
      const base = pickRows(embeddings, Array.from({ length: pool.drawn }, (_, n) => n));
      const scores = await headScores(kit, learned, base);
      await write("rewards/mini_aesthetic/model.safetensors", calibrateHead(learned, scores.data));
      const statistics = `${JSON.stringify(pool.statistics, null, 2)}\n`;
      await writeAtomically(`${kit.folder}/rewards/gold/statistics.json`, statistics);
    },
  },
  mini_pick: taste("mini_pick", miniPickConfig, { size: 2, count: 7000, flips: 0 }),
  mini_hps: taste("mini_hps", miniHpsConfig, { size: 4, count: 3000, flips: 0.25 }),
};

/** Towers that learned captions and now learn taste. */
function taste(
  name: JudgeName,
  config: DualEncoderConfig,
  rankings: { readonly size: number; readonly count: number; readonly flips: number },
): Part {
  const file = `rewards/${name}/model.safetensors`;
  return {
    lesson: async (kit, batch) => {
      const initial = await readWeights(`${kit.folder}/${file}`);
      return judgeLesson(await poolOf(kit), kit.tokenizer, { name, config, initial, ...rankings }, batch);
    },
    finish: (_, learned, write) => write(file, learned),
  };
}

async function poolOf(kit: Kit): Promise<TastePool> {
  const drawn = await drawingsOf(kit);
  const judges = openJudges(kit.runtime, kit.folder);
  const { config, weights } = await judges.encoder("gold");
  const { runtime, tokenizer } = kit;
  const fits = await fitter(config, {
    runtime,
    weights,
    batchSize: 32,
    tokenize: (prompts) => tokenizer.encode(prompts),
  });
  const pool = await tastePool(kit.pack, drawn, fits);
  await judges.free();
  return pool;
}

/** The base model's drawings of the prompt animals; drawn once. */
async function drawingsOf(kit: Kit): Promise<{ images: FloatTensor; prompts: string[] }> {
  const path = `${kit.state}/drawings.safetensors`;
  const wishes = (await readPrompts("simple_animals")).flatMap((prompt) =>
    SEEDS.map((seed) => ({ prompt, seed }))
  );
  if (!await exists(path)) {
    const pipeline = await loadPipeline(kit.runtime, kit.folder);
    const sampler = await makeSampler(kit.runtime, pipeline.models, DRAWING);
    const images = await drawAll(sampler.draw(wishes, null));
    await writeAtomically(path, writeSafetensors({ images }));
    sampler.free();
    await pipeline.free();
  }
  return { images: (await readWeights(path)).images!, prompts: wishes.map(({ prompt }) => prompt) };
}

/** Embeddings of the pool's images, as the aesthetic reward sees them. */
async function embeddingsOf({ runtime, folder }: Kit, pool: TastePool): Promise<FloatTensor> {
  const judges = openJudges(runtime, folder);
  const { config, weights } = await judges.encoder("clip");
  const { images } = await imageEmbedder(config.vision_config, { runtime, weights, batchSize: 32 });
  const embeddings = await images(pool.images);
  await judges.free();
  return embeddings;
}

/** What a head gives embeddings, `[N]`. */
async function headScores({ runtime }: Kit, head: ParamTree, embeddings: FloatTensor): Promise<FloatTensor> {
  const weights = putWeights(runtime, head);
  const width = embeddings.shape[1]!;
  const run = await batchedModel(
    (scope, { embeddings }) => aestheticHead(scope, embeddings),
    { embeddings: { shape: [32, width], dtype: "f32" } },
    { runtime, weights, batchSize: 32 },
  );
  const scores = await run(embeddings.shape[0]!, (rows) => ({ embeddings: pickRows(embeddings, rows) }));
  runtime.free(Object.values(weights));
  return scores;
}

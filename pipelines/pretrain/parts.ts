/**
 * The parts of the mini model in the order they are made: what each learns from, and what becomes of it.
 * @module
 */

import { moments } from "../../lib/core/moments.ts";
import { fold, key } from "../../lib/core/random.ts";
import { pickRows } from "../../lib/core/rows.ts";
import { type FloatTensor, type ParamTree, tensor } from "../../lib/core/tensor.ts";
import { add, mul, sub } from "../../lib/engine/mod.ts";
import type { Runtime } from "../../lib/engine/runtime.ts";
import { encodePng } from "../../lib/io/png.ts";
import type { Tokenizer } from "../../lib/io/tokenizer.ts";
import { parseSchedulerConfig } from "../../lib/diffusion/scheduler_config.ts";
import { parseAutoencoderConfig } from "../../lib/models/autoencoder_config.ts";
import { decode, encode } from "../../lib/models/autoencoder_kl.ts";
import { parseClipTextConfig } from "../../lib/models/clip_config.ts";
import { clipText } from "../../lib/models/clip_text.ts";
import { parseUNetConfig } from "../../lib/models/unet_config.ts";
import { batchedModel } from "../../lib/rewards/batched.ts";
import type { DualEncoderConfig } from "../../lib/rewards/dual_encoder.ts";
import {
  goldClipConfig,
  miniClipConfig,
  miniHpsConfig,
  miniPickConfig,
} from "../../lib/rewards/mini_configs.ts";
import { putWeights, type Weights } from "../../lib/stages/weights.ts";
import { augment, PLAIN } from "../data/augment.ts";
import { type EmojiPack, select, SIZE } from "../data/pack.ts";
import { readJson, readWeights, writeAtomically } from "../files.ts";
import { imageGrid } from "../image_grid.ts";
import { clipLesson } from "./clip_lesson.ts";
import { tasteParts } from "./taste_parts.ts";
import type { Lesson } from "./trainer.ts";
import { unetCaptions, unetImages, unetLesson } from "./unet_lesson.ts";
import { vaeLesson } from "./vae_lesson.ts";

/** What all parts are made with. */
export interface Kit {
  readonly runtime: Runtime;
  /** The model's folder. */
  readonly folder: string;
  /** The folder of unfinished parts. */
  readonly state: string;
  readonly pack: EmojiPack;
  readonly tokenizer: Tokenizer;
  readonly log: (line: string) => Promise<void>;
}

/** Writes a part's tensors to a file of the model's folder. */
type WritePart = (file: string, tree: ParamTree) => Promise<void>;

/** One part of the model. */
export interface Part {
  /** What it learns from; parts made before are read from the folder. */
  readonly lesson: (kit: Kit, batch: number) => Lesson | Promise<Lesson>;
  /** Writes what was learned. */
  readonly finish: (kit: Kit, learned: ParamTree, write: WritePart) => Promise<void>;
}

const WEIGHTS = "diffusion_pytorch_model.safetensors";
/** Views of each image whose latents the UNet learns from. */
const VIEWS = 10;
/** How those views differ. */
const VIEW = { ...PLAIN, flip: 0.5, shift: 2, scale: [0.9, 1.05] as const };

/** Every part by name. */
export const parts: Readonly<Record<string, Part>> = {
  vae: {
    lesson: async (kit, batch) => vaeLesson(await vaeConfig(kit), kit.pack, batch),
    finish: async (kit, learned, write) => {
      await write(`vae/${WEIGHTS}`, learned);
      await measureLatents(kit);
      await drawReconstructions(kit);
    },
  },
  clip: {
    lesson: ({ pack, tokenizer }, batch) =>
      clipLesson(pack, tokenizer, { name: "clip", config: miniClipConfig, batch }),
    finish: async (_, learned, write) => {
      await write("rewards/clip/model.safetensors", learned);
      const text = Object.entries(learned).filter(([name]) => name.startsWith("text_model."));
      await write("text_encoder/model.safetensors", Object.fromEntries(text));
    },
  },
  unet: {
    lesson: async (kit, batch) => {
      const config = parseUNetConfig(await readJson(`${kit.folder}/unet/config.json`));
      const scheduler = parseSchedulerConfig(await readJson(`${kit.folder}/scheduler/scheduler_config.json`));
      const latents = await encodeViews(
        kit,
        unetImages(kit.pack),
        VIEWS,
        (await vaeConfig(kit)).scaling_factor,
      );
      const contexts = await encodeCaptions(kit, unetCaptions(kit.pack));
      return unetLesson(kit.pack, { config, scheduler, latents, views: VIEWS, contexts }, batch);
    },
    finish: (_, learned, write) => write(`unet/${WEIGHTS}`, learned),
  },
  gold: judge("gold", "gold", goldClipConfig),
  pick: judge("pick", "mini_pick", miniPickConfig),
  hps: judge("hps", "mini_hps", miniHpsConfig, ["twemoji", "emojione", "noto-v1"]),
  ...tasteParts,
};

/** Two towers that will judge images and that nothing else is made of. */
function judge(name: string, reward: string, config: DualEncoderConfig, vendors?: readonly string[]): Part {
  return {
    lesson: ({ pack, tokenizer }, batch) =>
      clipLesson(pack, tokenizer, { name, config, batch, ...vendors && { vendors } }),
    finish: (_, learned, write) => write(`rewards/${reward}/model.safetensors`, learned),
  };
}

async function vaeConfig({ folder }: Kit) {
  return parseAutoencoderConfig(await readJson(`${folder}/vae/config.json`));
}

async function upload({ runtime }: Kit, path: string): Promise<Weights> {
  return putWeights(runtime, await readWeights(path));
}

/** Latent means of views of images, `[images * views, h, w, c]`, the views of an image in a row. */
async function encodeViews(
  kit: Kit,
  images: readonly number[],
  views: number,
  scale: number,
): Promise<FloatTensor> {
  const config = await vaeConfig(kit);
  const weights = await upload(kit, `${kit.folder}/vae/${WEIGHTS}`);
  const run = await batchedModel(
    (scope, { images }) => mul(encode(scope, config, sub(mul(images, 2), 1)).mean, scale),
    { images: { shape: [64, SIZE, SIZE, 3], dtype: "f32" } },
    { runtime: kit.runtime, weights, batchSize: 64 },
  );
  const latents = await run(images.length * views, (rows) => {
    const views_ = rows.map((row) =>
      augment(kit.pack, [images[Math.floor(row / views)]!], fold(key(7), row), VIEW)
    );
    const pixels = new Float32Array(64 * SIZE * SIZE * 3);
    views_.forEach((view, i) => pixels.set(view, i * view.length));
    return { images: tensor([64, SIZE, SIZE, 3], pixels) };
  });
  kit.runtime.free(Object.values(weights));
  return latents;
}

/** Hidden states of captions, `[captions, S, D]`. */
async function encodeCaptions(kit: Kit, captions: readonly string[]): Promise<FloatTensor> {
  const config = parseClipTextConfig(await readJson(`${kit.folder}/text_encoder/config.json`));
  const weights = await upload(kit, `${kit.folder}/text_encoder/model.safetensors`);
  const run = await batchedModel(
    (scope, { ids }) => clipText(scope, config, ids),
    { ids: { shape: [32, kit.tokenizer.maxLength], dtype: "u32" } },
    { runtime: kit.runtime, weights, batchSize: 32 },
  );
  const states = await run(captions.length, (rows) => ({
    ids: kit.tokenizer.encode(rows.map((row) => captions[row]!)),
  }));
  kit.runtime.free(Object.values(weights));
  return states;
}

/** Sets the config's `scaling_factor` so that latents have a standard deviation of 1. */
async function measureLatents(kit: Kit): Promise<void> {
  const { data } = await encodeViews(kit, unetImages(kit.pack), 1, 1);
  const { mean, std } = moments(data);
  const path = `${kit.folder}/vae/config.json`;
  const config = { ...await readJson(path) as object, scaling_factor: Number((1 / std).toPrecision(4)) };
  await writeAtomically(path, `${JSON.stringify(config, null, 2)}\n`);
  await kit.log(
    `vae: latents have a mean of ${mean.toPrecision(3)} and a standard deviation of ${std.toPrecision(4)}`,
  );
}

/** Draws animals and, below each row, what the autoencoder makes of them; logs the peak signal-to-noise ratio. */
async function drawReconstructions(kit: Kit): Promise<void> {
  const config = await vaeConfig(kit);
  const picks = select(kit.pack, (image) => image.animal !== null);
  const weights = await upload(kit, `${kit.folder}/vae/${WEIGHTS}`);
  const run = await batchedModel(
    (scope, { images }) =>
      mul(add(decode(scope, config, encode(scope, config, sub(mul(images, 2), 1)).mean), 1), 0.5),
    { images: { shape: [32, SIZE, SIZE, 3], dtype: "f32" } },
    { runtime: kit.runtime, weights, batchSize: 32 },
  );
  const originals = tensor([picks.length, SIZE, SIZE, 3], augment(kit.pack, picks, key(1), PLAIN));
  const again = await run(picks.length, (rows) => ({ images: pickRows(originals, rows) }));
  const mse = originals.data.reduce((sum, x, i) => sum + (x - again.data[i]!) ** 2, 0) /
    originals.data.length;
  await kit.log(
    `vae: ${(-10 * Math.log10(mse)).toFixed(2)} dB on ${picks.length} drawings of the prompt animals`,
  );
  const pairs = Array.from({ length: 8 }, (_, row) => {
    const shown = Array.from({ length: 16 }, (_, i) => (row >> 1) * 16 + i);
    return (row % 2 === 0 ? pickRows(originals, shown) : pickRows(again, shown)).data;
  });
  const data = new Float32Array(128 * SIZE * SIZE * 3);
  pairs.forEach((row, i) => data.set(row as Float32Array, i * row.length));
  const image = imageGrid(tensor([128, SIZE, SIZE, 3], data), { columns: 16, scale: 2 });
  await writeAtomically(`${kit.state}/vae.png`, encodePng(image));
  kit.runtime.free(Object.values(weights));
}

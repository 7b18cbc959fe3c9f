/**
 * Dual encoders ready to run: as embeddings, for measures of diversity and alignment, and as how well images fit prompts.
 * @module
 */

import { pickRows } from "../core/rows.ts";
import type { FloatTensor, TensorType, WordTensor } from "../core/tensor.ts";
import { reshape } from "../engine/ops/views.ts";
import type { ClipTextConfig } from "../models/clip_config.ts";
import { textEnds } from "../models/clip_text.ts";
import { batchedModel, type ModelContext, scopeIn } from "./batched.ts";
import {
  type cosines,
  type DualEncoderConfig,
  embedImages,
  embedTexts,
  fit,
  type ImageTowerConfig,
  type PairInputs,
  type TextInputs,
} from "./dual_encoder.ts";
import { preparation, preparer } from "./prepare_images.ts";
import type { RewardGraph } from "./reward.ts";

/** What a dual encoder runs on and with. */
export interface DualEncoderContext extends ModelContext {
  /** Turns prompts into token ids u32 `[N, max_position_embeddings]`, each with an end-of-text token. */
  readonly tokenize: (prompts: readonly string[]) => WordTensor;
}

/** An image tower ready to embed. */
export interface ImageEmbedder {
  /** Embeds images `[N, H, W, 3]`, RGB in `[0, 1]`, as vectors of length 1, `[N, D]`. */
  images(images: FloatTensor): Promise<FloatTensor>;
}

/** Both towers ready to embed. */
export interface Embedder extends ImageEmbedder {
  /** Embeds prompts as vectors of length 1, `[N, D]`. */
  texts(prompts: readonly string[]): Promise<FloatTensor>;
}

/** Compiles an image tower. */
export async function imageEmbedder(config: ImageTowerConfig, context: ModelContext): Promise<ImageEmbedder> {
  const run = await batchedModel(
    (scope, { images }) => embedImages(scope, config, images),
    imageTypes(config, context.batchSize),
    context,
  );
  const prepare = preparer(config, context);
  return {
    images: async (images) => {
      const pixels = await prepare(images);
      return await run(pixels.shape[0]!, (rows) => ({ images: pickRows(pixels, rows) }));
    },
  };
}

/** Compiles both towers, each as a program of its own. */
export async function embedder(config: DualEncoderConfig, context: DualEncoderContext): Promise<Embedder> {
  const text = config.text_config;
  const run = await batchedModel(
    (scope, inputs) => embedTexts(scope, text, inputs),
    textTypes(text, context.batchSize),
    context,
  );
  return {
    ...await imageEmbedder(config.vision_config, context),
    texts: (prompts) => run(prompts.length, (rows) => textsOf(prompts, rows, text, context)),
  };
}

/**
 * Compiles {@linkcode fit}, or {@linkcode cosines}, of pairs.
 *
 * @returns From images `[N, H, W, 3]` in `[0, 1]` and `N` prompts to how well they fit, `[N, 1]`.
 */
export async function fitter(
  config: DualEncoderConfig,
  context: DualEncoderContext,
  measure: typeof fit | typeof cosines = fit,
): Promise<(images: FloatTensor, prompts: readonly string[]) => Promise<FloatTensor>> {
  const { text_config: text, vision_config: vision } = config;
  const { batchSize } = context;
  const run = await batchedModel(
    (scope, inputs) => measure(scope, config, inputs),
    { ...imageTypes(vision, batchSize), ...textTypes(text, batchSize) } satisfies Types<PairInputs>,
    context,
  );
  const prepare = preparer(vision, context);
  return async (images, prompts) => {
    const pixels = await prepare(images, prompts);
    return await run(prompts.length, (rows) => ({
      images: pickRows(pixels, rows),
      ...textsOf(prompts, rows, text, context),
    }));
  };
}

/** {@linkcode fit}, or {@linkcode cosines}, of pairs as a graph. */
export function fitGraph(
  config: DualEncoderConfig,
  context: DualEncoderContext,
  measure: typeof fit | typeof cosines = fit,
): RewardGraph {
  const { text_config: text, vision_config: vision } = config;
  const { tables, build } = preparation(vision);
  return {
    weights: context.weights,
    inputs: (prompts, shape) => ({
      ...tables(shape),
      ...textsOf(prompts, prompts.map((_, row) => row), text, context),
    }),
    build: (scope, images, inputs) => {
      const { ids, ends } = inputs as unknown as TextInputs;
      const pairs = { images: build(images, inputs), ids, ends };
      return reshape(measure(scopeIn(context, scope), config, pairs), [-1]);
    },
  };
}

/** The types of a model's inputs. */
type Types<I> = Readonly<Record<keyof I, TensorType>>;

/** The type of a batch of images as the tower sees them. */
export function imageTypes(
  { image_size: side }: Pick<ImageTowerConfig, "image_size">,
  batch: number,
): Types<Pick<PairInputs, "images">> {
  return { images: { shape: [batch, side, side, 3], dtype: "f32" } };
}

function textTypes({ max_position_embeddings: length }: ClipTextConfig, batch: number): Types<TextInputs> {
  return { ids: { shape: [batch, length], dtype: "u32" }, ends: { shape: [batch], dtype: "u32" } };
}

function textsOf(
  prompts: readonly string[],
  rows: readonly number[],
  config: ClipTextConfig,
  { tokenize }: DualEncoderContext,
): Readonly<Record<keyof TextInputs, WordTensor>> {
  const ids = tokenize(rows.map((row) => prompts[row]!));
  return { ids, ends: textEnds(ids, config) };
}
